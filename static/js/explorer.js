/* The cell page: the diagrams, the inspector, the stacked network and the cost table share one state. */
import { CellFigures, costsOf } from './cell-figures.js';
import { element } from './cell-parts.js';
import { h, mega, milliseconds, percent, thousands } from './dom.js';
import { Inspector } from './inspector.js';
import { apply } from './morph.js';
import { NetworkStrip } from './network-strip.js';
import { drawAll } from './plots.js';
import { toast } from './shell.js';

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const { network, operations, first, latency } = read('network'), layouts = read('layouts');
const inspector = new Inspector(document.getElementById('inspector'), operations, latency);
const explorer = document.getElementById('explorer');
const state = { position: first, measure: 'macs' };
const figures = new CellFigures(explorer, layouts), { diagrams } = figures;
const strip = new NetworkStrip(document.getElementById('stack'), network, layouts, choose);

/* the cell chosen in the strip sets the costs of its own kind; the other diagrams keep theirs */
const chosen = { ...Object.fromEntries(figures.kinds.map((kind) => [kind, network.findIndex((place) => place.kind === kind)])), [network[first].kind]: first };

function choose(index) {
  const place = network[index];
  state.position = index;
  chosen[place.kind] = index;
  diagrams[place.kind].setCosts(costsOf(place));
  const named = (kind) => h('b', {}, network[chosen[kind]].title);
  if (figures.kinds.includes('normal')) document.getElementById('position').replaceChildren('Costs for ', named('normal'), ' and ', named('reduction'));
  document.getElementById('cost-where').textContent = `${place.title}, ${place.filters} filters, ${place.shape[1]} × ${place.shape[2]}`;
  strip.mark(index);
  listCosts();
  inspector.show(diagrams[place.kind], place, null, null);
}

explorer.addEventListener('inspect', ({ detail: { diagram, node, pinned } }) => {
  const kind = figures.kindOf(diagram);
  inspector.show(diagram, network[chosen[kind]], node, pinned);
  if (pinned) figures.release(kind);
  link(network[state.position].kind === kind ? node?.id : null);
});

/* ---- cost table */
function nameOf(node) {
  if (node.name) return [node.label ?? node.name, ' ', h('span', { class: 'muted small' }, node.name)];
  if (node.kind === 'op') return [node.label, ' ', h('span', { class: 'muted small' }, `block ${node.block} ${node.side}`)];
  if (node.kind === 'input') return ['fit ', h('var', {}, 'h', h('sub', {}, node.older ? 'i−1' : 'i'))];
  if (node.kind === 'cat') return ['fit ', h('span', { class: 'muted small' }, `block ${node.block}`)];
  if (node.kind === 'add') return ['add ', h('span', { class: 'muted small' }, node.block ? `block ${node.block}` : node.id)];
  return ['fit for concat'];
}

/* what a node may be measured by: its value in a place, how that is written, and what is said where there is none */
const MEASURES = {
  macs: { of: (place, id) => place.nodes[id]?.[1], write: mega, none: 'Nothing in this cell multiplies.' },
  params: { of: (place, id) => place.nodes[id]?.[0], write: thousands, none: 'Nothing in this cell has parameters.' },
  latency: { of: (place, id) => place.latency?.[id], write: milliseconds, none: 'Not measured by node yet.' },
};

function listCosts() {
  const place = network[state.position], { of, write, none } = MEASURES[state.measure];
  const rows = diagrams[place.kind].layout.nodes.map((node) => ({ node, value: of(place, node.id) ?? 0 }))
    .filter((row) => row.value > 0).sort((a, b) => b.value - a.value);
  const total = rows.reduce((sum, row) => sum + row.value, 0);
  const list = document.getElementById('costs');
  if (!rows.length) return list.replaceChildren(h('p', { class: 'soft' }, none));
  return list.replaceChildren(...rows.map(({ node, value }) => h('div', { class: `cost-row op-${node.family ?? 'none'}`, 'data-node': node.id },
    h('span', {}, nameOf(node)),
    element('svg', { 'aria-hidden': 'true' }, element('rect', { width: `${100 * value / rows[0].value}%`, height: 8, rx: 2 })),
    h('span', { class: 'num' }, write(value)), h('span', { class: 'num muted' }, percent(value / total)))));
}
const link = (id) => { for (const row of document.querySelectorAll('.cost-row')) row.classList.toggle('linked', row.dataset.node === id); };

/* ---- PNG: the server's SVG, painted at twice its size */
async function savePng(url, name) {
  const source = URL.createObjectURL(await (await fetch(url)).blob());
  try {
    const image = Object.assign(new Image(), { src: source });
    await image.decode();
    const canvas = h('canvas', { width: image.naturalWidth * 2, height: image.naturalHeight * 2 });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    const saved = URL.createObjectURL(blob);
    h('a', { href: saved, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(saved), 10_000);
  } catch {
    toast('The picture could not be made. Take the SVG instead.');
  } finally {
    URL.revokeObjectURL(source);
  }
}

document.addEventListener('click', ({ target }) => {
  const png = target.closest('[data-png]');
  if (png) savePng(png.dataset.png, png.dataset.name);
  const measure = target.closest('[data-measure]')?.dataset.measure;
  if (measure) { state.measure = measure; listCosts(); }
});

/* the copy button follows the notation shown */
document.querySelector('[role="tablist"]').addEventListener('choice', ({ target }) => {
  const text = document.querySelector(`#${target.getAttribute('aria-controls')} pre`), copy = document.getElementById('copy');
  copy.disabled = !text;
  if (text) copy.dataset.copy = text.id;
});

/* ---- what takes the server longer comes when the rest stands */
async function loadAround() {
  const around = document.getElementById('around');
  if (!around?.dataset.url) return;
  const response = await fetch(around.dataset.url);
  if (!response.ok || response.redirected) return;
  apply(await response.text());
  await drawAll(document.getElementById('around'));
}

/* milliseconds by node, once a worker has measured them */
function takeLatencies() {
  const data = document.getElementById('node-latency-data');
  if (!data || data.textContent === state.taken) return false;
  state.taken = data.textContent;
  JSON.parse(data.textContent).nodes.forEach((nodes, at) => { network[at].latency = nodes; });
  return true;
}

takeLatencies();
for (const kind of [...figures.kinds].reverse()) choose(chosen[kind]);
document.addEventListener('live:update', () => {
  drawAll();
  if (!takeLatencies()) return;
  inspector.forget();
  document.querySelector('[data-measure="latency"]').click();
  choose(state.position);
});
await drawAll();
explorer.dataset.ready = '';
await loadAround();
