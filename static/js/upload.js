/* Uploading a zip: dropping it, seeing how far it is, stopping it, and messages at the field. Without this the form sends itself. */

const form = document.querySelector("form.upload");
const picker = form.querySelector('input[type="file"]');
const drop = form.querySelector(".drop");
const chosen = form.querySelector("[data-chosen]");
const meter = form.querySelector(".upload-progress");
const button = form.querySelector("button");
const hint = chosen.textContent;
let request = null;

const megabytes = (bytes) => (bytes < 1e8 ? (bytes / 1e6).toPrecision(3) : Math.round(bytes / 1e6));
const time = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

function problem(field, text) {
  const input = form.elements[field] ?? picker;
  const line = document.getElementById(input.getAttribute("aria-describedby") ?? `${input.id}-error`);
  line.querySelector("span").textContent = text;
  line.hidden = !text;
  if (text && line.closest("details")) line.closest("details").open = true;
  if (text) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", line.id);
  } else input.removeAttribute("aria-invalid");
}

function clearProblems() {
  for (const field of ["file", "title", "size"]) problem(field, "");
}

function fits(file) {
  const limit = Number(form.dataset.limit);
  if (file.size <= limit) return true;
  problem("file", `${file.name} has ${megabytes(file.size)} MB; up to ${form.dataset.limitWords} can be uploaded. Add it as a folder.`);
  return false;
}

function show(file) {
  clearProblems();
  chosen.textContent = file ? `${file.name}, ${megabytes(file.size)} MB` : hint;
  return file && fits(file);
}

picker.addEventListener("change", () => show(picker.files[0]));

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length !== 1) return problem("file", "Drop one zip file.");
  picker.files = event.dataTransfer.files;
  return show(picker.files[0]);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request) return request.abort();
  const file = picker.files[0];
  if (show(file)) send(file);
  return undefined;
});

function send(file) {
  const started = performance.now();
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => progress(event, started));
  request.upload.addEventListener("load", () => (form.querySelector("[data-left]").textContent = "checking"));
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => ended(`${file.name} was not sent: the server does not answer. Try again.`));
  request.addEventListener("abort", () => ended(`Stopped. ${file.name} was not added.`));
  request.send(new FormData(form));
  meter.hidden = false;
  button.textContent = "Stop";
}

function progress(event, started) {
  if (!event.lengthComputable) return;
  const seconds = (performance.now() - started) / 1000;
  const left = (event.total - event.loaded) / (event.loaded / seconds || 1);
  meter.querySelector("progress").value = event.loaded / event.total;
  meter.querySelector("[data-done]").textContent = `${megabytes(event.loaded)} of ${megabytes(event.total)} MB`;
  meter.querySelector("[data-left]").textContent = seconds > 1 ? `${time(left)} left` : "";
}

function answered(answer) {
  if (answer.status === 201) return location.assign(answer.response.url);
  ended("");
  const problems = answer.response?.problems ?? { file: `The server answered ${answer.status}. Nothing was added.` };
  for (const [field, text] of Object.entries(problems)) problem(field, text);
  return undefined;
}

function ended(text) {
  request = null;
  meter.hidden = true;
  button.textContent = "Add the zip";
  problem("file", text);
}

picker.classList.add("vh"); // the whole field opens it
form.dataset.ready = "";
