/* Editing a pair of cells. Every edit is a line of text that the server applies; what comes back replaces the page's form, its
 * figures and the drawings. So the rules exist once, on the server, and undoing is going back to the cells as they were. */
import { CellFigures, costsOf } from './cell-figures.js';
import { h } from './dom.js';
import { Inspector } from './inspector.js';
import { apply } from './morph.js';

const editor = document.getElementById('editor'), explorer = document.getElementById('explorer');
const read = () => JSON.parse(document.getElementById('edited').textContent);
let shown = read();
const past = [], future = [];
const figures = new CellFigures(explorer, shown.layouts), inspector = new Inspector(document.getElementById('inspector'), shown.operations);
/* the cell in the network that a drawing stands for; of several of its kind the one the page counts first */
const placeOf = (kind) => shown.network[shown.first]?.kind === kind ? shown.network[shown.first] : shown.network.find((place) => place.kind === kind);

/* ---- asking the server, one edit after the other */
let turn = Promise.resolve();
const queue = (step) => { turn = turn.then(step).catch(() => note('The server does not answer; the last edit was not made.')); };

async function load(line, set) {
  const form = new FormData(document.getElementById('edit')), query = new URLSearchParams({ cells: line, from: form.get('from'), search: form.get('search') });
  if (set) query.set('set', set);
  const response = await fetch(`${editor.dataset.liveUrl}?${query}`);
  if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
  const focus = document.activeElement?.dataset.edit, inside = inspector.host.contains(document.activeElement);
  apply(await response.text());
  const before = shown;
  shown = read();
  update();
  if (focus) (inside ? inspector.host : editor).querySelector(`[data-edit="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  return before;
}

function edit(set) {
  queue(async () => {
    const before = await load(shown.line, set);
    if (before.line === shown.line) return;
    past.push(before.line);
    future.length = 0;
    settle();
  });
}

function travel(from, to) {
  queue(async () => {
    if (!from.length) return;
    const before = await load(from.pop());
    to.push(before.line);
    settle();
  });
}

function settle() {
  document.getElementById('undo').disabled = !past.length;
  document.getElementById('redo').disabled = !future.length;
  history.replaceState(null, '', `?${shown.query}`);
}

function note(text) {
  document.getElementById('editor-note')?.remove();
  editor.prepend(h('div', { class: 'notice bad', id: 'editor-note', role: 'alert' }, h('div', {}, h('p', {}, text))));
}

/* ---- showing what came back */
function update() {
  prepare();
  inspector.operations = shown.operations;
  inspector.forget();
  for (const kind of figures.kinds) {
    const diagram = figures.diagrams[kind];
    diagram.costs = costsOf(placeOf(kind));
    diagram.setLayout(shown.layouts[kind], { keep: true });
  }
  const held = figures.all.find((diagram) => diagram.pinned) ?? figures.all[0];
  inspect(held, held.byId.get(held.pinned) ?? null, held.pinned);
}

/* the server writes the page for those without scripts */
function prepare() {
  for (const hidden of editor.querySelectorAll('[data-needs-js]')) hidden.hidden = false;
  for (const plain of editor.querySelectorAll('[data-without-js]')) plain.hidden = true;
  for (const select of editor.querySelectorAll('select[data-edit]')) select.value = select.querySelector('option[selected]').value;
  settle();
}

/* ---- the panel: what a node is, and, while it is held, what it can become */
function inspect(diagram, node, pinned) {
  const kind = figures.kindOf(diagram);
  if (!inspector.show(diagram, placeOf(kind), node, pinned)) return;
  const controls = node && pinned === node.id && controlsOf(kind, node);
  if (controls) inspector.host.append(controls);
  for (const row of editor.querySelectorAll('.edit-block')) row.classList.toggle('held', Boolean(pinned && node) && row.id === shown.groups[kind][node.id]);
}

function controlsOf(kind, node) {
  const source = document.getElementById(shown.groups[kind][node.id]);
  if (!source) return null;
  const copy = source.cloneNode(true);
  copy.removeAttribute('id');
  return copy;
}

explorer.addEventListener('inspect', ({ detail: { diagram, node, pinned } }) => {
  if (pinned && node && node.id !== pinned) return;               /* what is held stays while the pointer passes others */
  if (pinned) figures.release(figures.kindOf(diagram));
  inspect(diagram, node, pinned);
});

/* ---- what the person does */
editor.addEventListener('change', ({ target }) => { if (target.matches('select[name="set"]')) edit(target.value); });
editor.addEventListener('click', (event) => {
  const button = event.target.closest('button[name="set"], #undo, #redo');
  if (!button) return;
  event.preventDefault();
  if (button.id === 'undo') travel(past, future);
  else if (button.id === 'redo') travel(future, past);
  else edit(button.value);
});
document.addEventListener('keydown', (event) => {
  const key = event.key.toLowerCase(), typing = event.target.closest?.('input, textarea');
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !typing && (key === 'z' || key === 'y')) {
    event.preventDefault();
    if (key === 'y' || event.shiftKey) travel(future, past);
    else travel(past, future);
  }
  const diagram = figures.all.find((one) => one.svg.contains(document.activeElement)), node = diagram?.byId.get(document.activeElement.dataset.id);
  if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === 'e') {
    event.preventDefault();
    if (diagram.pinned !== node.id) diagram.pin(node.id);
    inspector.host.querySelector('select, .edit-stack button')?.focus();
  }
  if (key === 'delete' && node.block) edit(`${figures.kindOf(diagram)}.${node.block}.remove`);
});

prepare();
update();
editor.dataset.ready = '';
