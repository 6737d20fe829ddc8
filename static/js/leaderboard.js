/* The leaderboard: rows and points are one thing shown twice; dragging over the plot filters. */
import { drawAll, onPoint, onSelection, showPoint } from './plots.js';

const form = document.getElementById('filters'), body = document.querySelector('[data-linked]'), plot = document.getElementById('plot-macs');

/* choosing from a list is enough; typing waits for Enter or the button */
form.addEventListener('change', (event) => {
  if (event.target.id === 'dataset') form.elements.protocol.value = '';
  if (event.target.matches('select')) form.requestSubmit();
});
document.querySelector('.pager select')?.addEventListener('change', () => form.requestSubmit());

/* the address holds what was asked for, not every empty field */
form.addEventListener('formdata', ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value || (name === 'rows' && value === '25')) formData.delete(name);
});

function mark(id) {
  for (const row of body.rows) row.classList.toggle('linked', row.dataset.id === id);
}

function filterBy({ x, y }) {
  const set = (name, [low, high], digits) => {
    form.elements[`${name}_min`].value = Math.max(0, low).toFixed(digits);
    form.elements[`${name}_max`].value = high.toFixed(digits);
  };
  set('macs', x, x[1] < 10 ? 3 : 1);
  set('acc', y, 2);
  form.requestSubmit();
}

async function connect() {
  await drawAll();
  onPoint(plot, mark);
  onSelection(plot, filterBy);
  const over = (event) => showPoint(plot, event.target.closest('tr')?.dataset.id ?? null);
  body.addEventListener('pointerover', over);
  body.addEventListener('focusin', over);
  body.addEventListener('pointerleave', () => showPoint(plot, null));
  body.addEventListener('focusout', () => showPoint(plot, null));
}
if (plot) await connect();
document.documentElement.dataset.linked = '';
