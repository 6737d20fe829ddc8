/* The new-search form: what the server says about it while it is filled in. The rules are all the server's; this only asks, and shows. */
import { CellDiagram } from './cell-diagram.js';
import { apply } from './morph.js';
import { drawAll } from './plots.js';

const WAIT = 350, SMALLEST = 0.8;
const page = { timer: null, request: null, diagram: null, kind: 'normal' };
const form = () => document.getElementById('composer');

function showAlternatives() {
  for (const settings of form().querySelectorAll('[data-part]')) {
    const name = `[name="${settings.dataset.part}"]`;
    const chosen = form().querySelector(`${name}:checked, [type="hidden"]${name}, select${name}`);
    settings.hidden = !settings.dataset.for.split(' ').includes(chosen?.value);
  }
}

/* ---- the sample cell */

function showSample() {
  const canvas = document.getElementById('sample-canvas'), source = document.getElementById('sample-data');
  if (!canvas || !source) return;
  const cells = JSON.parse(source.textContent), kind = page.kind in cells ? page.kind : Object.keys(cells)[0], layout = cells[kind];
  if (page.diagram?.host === canvas) {
    page.diagram.setLayout(layout);
  } else {
    page.diagram?.destroy();
    canvas.replaceChildren();
    page.diagram = new CellDiagram(canvas, layout, { label: 'Sampled cell', minScale: 0.5 });
  }
  page.diagram.setLabel(`Sampled ${kind}${kind === 'normal' || kind === 'reduction' ? ' cell' : ''}`);
  fit(page.diagram);
}

/* The panel is narrow: a cell somewhat too long is drawn smaller, a deep and slim one from top to bottom. */
function fit(diagram) {
  const scale = (direction) => {
    diagram.setDirection(direction);
    return diagram.host.clientWidth / diagram.leastWidth;
  };
  const right = scale('right');
  if (right < SMALLEST && scale('down') <= right) diagram.setDirection('right');
}

/* ---- messages at the fields */

function markProblems() {
  for (const said of form().querySelectorAll('.said')) {
    const wrong = said.querySelector('.error') !== null, field = document.getElementById(said.id.replace(/-said$/, ''));
    for (const input of field?.matches('input, select') ? [field] : field?.querySelectorAll('input') ?? []) {
      if (wrong) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    }
  }
}

/* ---- asking */

export async function ask(extra = {}) {
  clearTimeout(page.timer);
  page.request?.abort();
  const request = page.request = new AbortController();
  const panel = document.getElementById('side');
  panel.setAttribute('aria-busy', 'true');
  try {
    const body = new FormData(form());
    for (const [name, value] of Object.entries(extra)) body.set(name, value);
    const response = await fetch(form().dataset.preview, { method: 'POST', body, signal: request.signal });
    if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
    show(await response.text(), response.headers.get('X-Switched') === '1');
    note('');
  } catch {
    if (!request.signal.aborted) note('The server does not answer, so this is from before your last change.');
  } finally {
    if (page.request === request) document.getElementById('side').removeAttribute('aria-busy');
  }
}

function note(text) {
  const place = document.getElementById('side-note');
  place.textContent = text;
  place.hidden = !text;
}

function show(html, switched) {
  if (switched) {
    const fresh = new DOMParser().parseFromString(html, 'text/html').getElementById('composer');
    const active = document.activeElement, focused = active?.id ? `#${CSS.escape(active.id)}` : active?.name === 'start' ? '[name="start"]:checked' : '';
    form().replaceWith(document.adoptNode(fresh));
    begin();
    if (focused) form().querySelector(focused)?.focus();
    return;
  }
  apply(html);
  markProblems();
  refresh();
}

function refresh() {
  for (const hidden of form().querySelectorAll('[data-needs-js]')) hidden.hidden = false;
  showSample();
  drawAll(form());
}

/* ---- what the person does; all of it is heard at the document, because the form itself may be replaced */

function later() {
  clearTimeout(page.timer);
  page.timer = setTimeout(ask, WAIT);
}

document.addEventListener('input', (event) => {
  if (!form().contains(event.target)) return;
  showAlternatives();
  if (event.target.type === 'radio') ask();
  else later();
});
document.addEventListener('click', (event) => {
  if (!event.target.closest('#redraw')) return;
  const draw = form().elements.draw;
  draw.value = Number(draw.value) + 1;
  ask();
});
document.addEventListener('choice', (event) => {
  if (!event.target.closest('#sample')) return;
  page.kind = event.detail.value;
  showSample();
});

/* a page from the browser's history shows what was typed before; let the panel follow */
window.addEventListener('pageshow', (event) => { if (event.persisted) ask(); });

function begin() {
  showAlternatives();
  refresh();
  const first = document.getElementById(form().dataset.firstProblem);
  if (first) {
    const target = first.matches('input, select') ? first : first.querySelector('input') ?? first;
    target.closest('details')?.setAttribute('open', '');
    target.focus();
  }
}
begin();
form().dataset.ready = '';
