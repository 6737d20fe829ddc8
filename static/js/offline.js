/* A cell page that was saved to disk: the drawings and what their nodes cost, without a server. */
import { CellFigures, costsOf } from './cell-figures.js';
import { Inspector } from './inspector.js';

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const { network, operations, shown, latency } = read('network');
const explorer = document.getElementById('explorer'), figures = new CellFigures(explorer, read('layouts'));
const inspector = new Inspector(document.getElementById('inspector'), operations, latency);
const placeOf = (kind) => network[shown[kind]];

for (const kind of figures.kinds) figures.diagrams[kind].setCosts(costsOf(placeOf(kind)));
explorer.addEventListener('inspect', ({ detail: { diagram, node, pinned } }) => {
  const kind = figures.kindOf(diagram);
  inspector.show(diagram, placeOf(kind), node, pinned);
  if (pinned) figures.release(kind);
});
explorer.addEventListener('click', ({ target }) => {
  const button = target.closest('.seg button');
  if (button) for (const other of button.parentElement.children) other.setAttribute('aria-pressed', String(other === button));
});
inspector.show(figures.diagrams[figures.kinds[0]], placeOf(figures.kinds[0]), null, null);
explorer.dataset.ready = '';
