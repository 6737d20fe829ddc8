/* The page of a cell known from a table: its drawings, without costs. */
import { CellFigures } from './cell-figures.js';
import { Inspector } from './inspector.js';

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const explorer = document.getElementById('explorer'), figures = new CellFigures(explorer, read('layouts'));
const inspector = new Inspector(document.getElementById('inspector'), read('operations'));
const place = (kind) => ({ title: `${kind} cell`, bare: true, nodes: {}, inputs: [] });

explorer.addEventListener('inspect', ({ detail: { diagram, node, pinned } }) => {
  const kind = figures.kindOf(diagram);
  inspector.show(diagram, place(kind), node, pinned);
  if (pinned) figures.release(kind);
});
inspector.show(figures.all[0], place(figures.kinds[0]), null, null);
explorer.dataset.ready = '';
