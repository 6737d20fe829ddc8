/* The leaderboard: rows and points are one thing shown twice; dragging over the plot filters. */
import { drawAll, onPoint, onSelection, showPoint } from './plots.js';
import { toast } from './shell.js';
import './parallel.js';

const form = document.getElementById('filters'), bodies = [...document.querySelectorAll('[data-linked]')];
const plot = document.getElementById('plot-cost'), selection = document.getElementById('selection');
const FIELD = { macs: 'macs', params: 'params', latency: 'lat' };

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
  for (const row of bodies.flatMap((body) => [...body.rows])) row.classList.toggle('linked', row.dataset.id === id);
}

/* choosing rows: what the boxes say, shown above the table */
function countChosen() {
  const boxes = [...selection.elements].filter((box) => box.name === 'cell'), all = document.getElementById('all');
  const count = boxes.filter((box) => box.checked).length;
  document.getElementById('chosen').textContent = `${count} selected`;
  selection.querySelector('[value="compare"]').disabled = count !== 2;
  for (const box of boxes) box.closest('tr').classList.toggle('chosen', box.checked);
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}
function connectSelection() {
  document.getElementById('all').addEventListener('change', (event) => {
    for (const box of selection.elements) if (box.name === 'cell') box.checked = event.target.checked;
    countChosen();
  });
  for (const body of bodies) body.addEventListener('change', countChosen);
  selection.addEventListener('reset', () => setTimeout(countChosen));
  countChosen();
}

/* a star is set where it stands; the page need not be drawn anew */
async function star(button, on) {
  const data = new FormData(button.form);
  data.set('on', on ? '1' : '0');
  const answer = await fetch(button.formAction, { method: 'POST', body: data, headers: { Accept: 'application/json' } });
  if (!answer.ok) return toast('The star could not be kept. Reload the page and try again.');
  button.setAttribute('aria-pressed', String(on));
  button.value = on ? '0' : '1';
  const name = button.getAttribute('aria-label').replace('Star ', '');
  toast(on ? `${name} starred` : `${name}: star taken away`, () => star(button, !on));
}
for (const body of bodies) {
  body.addEventListener('click', (event) => {
    const button = event.target.closest('.star');
    if (!button) return;
    event.preventDefault();
    star(button, button.value === '1');
  });
}

function filterBy({ x, y }) {
  const set = (name, [low, high], digits) => {
    form.elements[`${name}_min`].value = Math.max(0, low).toFixed(digits);
    form.elements[`${name}_max`].value = high.toFixed(digits);
  };
  set(FIELD[plot.dataset.cost], x, x[1] < 10 ? 3 : 1);
  set('acc', y, 2);
  form.requestSubmit();
}

async function connect() {
  await drawAll();
  onPoint(plot, mark);
  onSelection(plot, filterBy);
  const over = (event) => showPoint(plot, event.target.closest('tr')?.dataset.id ?? null);
  for (const body of bodies) {
    body.addEventListener('pointerover', over);
    body.addEventListener('focusin', over);
    body.addEventListener('pointerleave', () => showPoint(plot, null));
    body.addEventListener('focusout', () => showPoint(plot, null));
  }
}
if (selection) connectSelection();
if (plot) await connect();
document.documentElement.dataset.linked = '';
