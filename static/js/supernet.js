/* A supernet's page: the derived cells, and the weights of an earlier epoch. */
import { CellDiagram } from './cell-diagram.js';
import { draw, drawAll } from './plots.js';

const byId = (id) => document.getElementById(id);
const past = { at: null, asked: null, known: new Map() };            /* null: the newest epoch */
const diagrams = new Map();

function showCells(cells) {
  for (const [kind, layout] of Object.entries(cells)) {
    const canvas = byId(`derived-${kind}`);
    if (!canvas) continue;
    const known = diagrams.get(kind);
    if (known?.host === canvas) {
      known.setLayout(layout);
    } else {
      known?.destroy();
      canvas.replaceChildren();
      diagrams.set(kind, new CellDiagram(canvas, layout, { label: `Derived ${kind} cell`, minScale: 0.5 }));
    }
  }
}

function showNewest() {
  for (const element of document.querySelectorAll('#supernet-mind [data-keep="data-figure"]')) element.dataset.figure = element.id.replace('plot-', 'figure-');
  const source = byId('figure-derived');
  if (source) showCells(JSON.parse(source.textContent));
  drawAll();
}

async function showPast(at) {
  past.asked = at;
  if (!past.known.has(at)) {
    const response = await fetch(byId('shared-time').dataset.url.replace(/0\/$/, `${at}/`));
    if (!response.ok) return;
    past.known.set(at, await response.json());
  }
  if (past.asked !== at || past.at !== at) return;
  const { figures, cells } = past.known.get(at);
  for (const [name, figure] of Object.entries(figures)) {
    const element = byId(`plot-shared-${name}`);
    if (!element) continue;
    element.dataset.figure = '';
    draw(element, figure);
  }
  showCells(cells);
}

document.addEventListener('input', (event) => {
  if (event.target.id !== 'shared-time') return;
  const { value, max } = event.target;
  past.at = value === max ? null : Number(value);
  show();
});

function show() {
  const slider = byId('shared-time');
  if (!slider) return;
  if (past.at !== null && past.at >= Number(slider.max)) past.at = null;
  if (past.at === null) slider.value = slider.max;
  byId('shared-at').textContent = past.at ?? slider.max;
  if (past.at === null) showNewest(); else showPast(past.at);
}
document.addEventListener('live:update', show);
show();
