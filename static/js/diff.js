/* Two cells in one shared layout, so that the same block stands at the same place in both. */
import { CellDiagram } from './cell-diagram.js';

const page = document.getElementById('diff'), layouts = JSON.parse(document.getElementById('layouts').textContent);
const diagrams = new Map();
for (const host of page.querySelectorAll('[data-drawing]')) {
  const [kind, side] = host.dataset.drawing.split('-');
  diagrams.set(host.dataset.drawing, new CellDiagram(host, layouts[kind][side], { label: host.dataset.label }));
}

/* looking at a node in A looks at its partner in B, where it has one */
page.addEventListener('inspect', ({ detail: { diagram, node } }) => {
  const [kind, side] = diagram.host.dataset.drawing.split('-'), partner = diagrams.get(`${kind}-${{ a: 'b', b: 'a' }[side]}`);
  if (partner?.parts && !partner.pinned) partner.paint(node && partner.byId.has(node.id) ? node.id : null);
});

page.addEventListener('click', ({ target }) => {
  const view = target.closest('[data-view]')?.dataset.view;
  if (view) for (const figure of page.querySelectorAll('[data-side]')) figure.hidden = (view === 'over') !== (figure.dataset.side === 'over');
});
const fade = document.getElementById('fade');
fade.addEventListener('change', () => page.classList.toggle('fades', fade.checked));
page.classList.toggle('fades', fade.checked);
page.dataset.ready = '';
