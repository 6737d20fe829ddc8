/* Behaviour every page shares. Nothing here is needed to read a page or to send a form. */

const root = document.documentElement;
const YEAR = 365 * 24 * 3600;

/* ---- theme: the server renders it from the cookie, so nothing flashes */

export function setTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
  for (const button of document.querySelectorAll(".theme button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  document.dispatchEvent(new CustomEvent("theme:change", { detail: { theme } }));
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.theme") || !event.submitter) return;
  event.preventDefault();
  setTheme(event.submitter.value);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!root.dataset.theme) document.dispatchEvent(new CustomEvent("theme:change", { detail: { theme: "system" } }));
});

/* ---- menus: closed by Escape, by a click elsewhere, by leaving them with Tab */

const openMenus = () => document.querySelectorAll("details.menu[open]");

function closeMenus(except) {
  for (const menu of openMenus()) if (!menu.contains(except)) menu.open = false;
}
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("focusin", (event) => closeMenus(event.target));

/* ---- one of several: segmented controls and tabs; [aria-controls] names the panel each shows */

function choose(choice) {
  const attribute = choice.hasAttribute("aria-selected") ? "aria-selected" : "aria-pressed";
  for (const other of choice.parentElement.children) {
    const chosen = other === choice;
    other.setAttribute(attribute, String(chosen));
    if (attribute === "aria-selected") other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls") ?? "");
    if (panel) panel.hidden = !chosen;
  }
  choice.dispatchEvent(new CustomEvent("choice", { bubbles: true, detail: { value: choice.value } }));
}

function step(event) {
  const tab = event.target.closest?.('.tabs > [role="tab"]');
  const direction = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  if (!tab || !direction || !tab[direction]) return;
  event.preventDefault();
  tab[direction].focus();
  choose(tab[direction]);
}

document.addEventListener("click", (event) => {
  const choice = event.target.closest('.seg > button[type="button"], .tabs > button[role="tab"]');
  if (choice) choose(choice);

  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(document.getElementById(copy.dataset.copy).textContent.trim());

  const opener = event.target.closest("[data-opens]");
  if (opener) {
    closeMenus(null);
    document.getElementById(opener.dataset.opens).showModal();
  }
  if (event.target.matches("dialog.sheet")) event.target.close(); // a click on the backdrop
});

function copyText(text) {
  if (!navigator.clipboard) return toast("This browser lets only pages over HTTPS or localhost copy. Select the text instead.");
  return navigator.clipboard.writeText(text).then(() => toast("Copied"));
}

/* ---- keyboard */

document.addEventListener("keydown", (event) => {
  step(event);
  if (event.key === "Escape") {
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "/") focusJump(event);
  if (event.key === "?") document.getElementById("keys")?.showModal();
});

function focusJump(event) {
  const wide = document.getElementById("jump");
  if (!wide) return;
  event.preventDefault();
  if (wide.offsetParent) return wide.focus();
  const narrow = document.getElementById("jump-small");
  narrow.closest("details").open = true;
  narrow.focus();
}

/* ---- toast: what an action just did and, where there is one, how to take it back */

let fading;

export function toast(message, undo) {
  document.querySelector(".toast")?.remove();
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "status");
  document.body.append(box);
  const words = document.createElement("span");
  words.textContent = message;
  box.append(words);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      undo();
      box.remove();
    });
    box.append(button);
  }
  fadeLater(box);
}

function fadeLater(box) {
  clearTimeout(fading);
  /* it waits for whoever points at it or has come to it by keyboard */
  fading = setTimeout(() => (box.matches(":hover, :focus-within") ? fadeLater(box) : box.remove()), 6000);
}
const said = document.querySelector("[data-toast]");
if (said) fadeLater(said);

/* ---- times: the server writes UTC, the reader reads their own */

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export function localTimes(within) {
  const today = new Date();
  const yesterday = new Date(today);
  yesterday.setDate(today.getDate() - 1);
  for (const element of within.querySelectorAll("time[data-local]")) {
    const moment = new Date(element.dateTime);
    const named = { [today.toDateString()]: "today", [yesterday.toDateString()]: "yesterday" }[moment.toDateString()];
    element.textContent = `${named ?? date.format(moment)} ${clock.format(moment)}`;
    element.title = element.dateTime;
    element.removeAttribute("data-local");
  }
}
localTimes(document);
document.addEventListener("htmx:afterSwap", (event) => localTimes(event.target.isConnected ? event.target : document));

for (const element of document.querySelectorAll("[data-needs-js]")) element.hidden = false;
root.dataset.ready = "";
