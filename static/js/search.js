/* The search page and the trial page: plots, the cost switch, the controller's past, the log's clock. */
import './live.js';
import { draw, drawAll, onPoint, showPoint } from './plots.js';
import './supernet.js';

const byId = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

function clocks() {
  for (const time of document.querySelectorAll('time[data-clock]')) {
    const text = clock.format(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

/* ---- accuracy against which cost */

document.addEventListener('choice', (event) => {
  if (!event.target.closest('#cost-choice')) return;
  byId('plot-cost').dataset.figure = `figure-${event.detail.value}`;
  drawAll();
});

/* ---- a row of the trials table and its point name the same cell */

const listening = new WeakSet();
function link(plot) {
  if (!plot?.on || listening.has(plot)) return;
  listening.add(plot);
  onPoint(plot, (id) => {
    for (const row of document.querySelectorAll('.trials tr[data-id]')) row.classList.toggle('linked', row.dataset.id === id);
  });
}

for (const [come, go] of [['pointerover', 'pointerout'], ['focusin', 'focusout']]) {
  const point = (event, shown) => {
    const row = event.target.closest?.('.trials tr[data-id]'), plot = byId('plot-cost');
    if (row && plot && 'drawn' in plot.dataset) showPoint(plot, shown ? row.dataset.id : null);
  };
  document.addEventListener(come, (event) => point(event, true));
  document.addEventListener(go, (event) => point(event, false));
}

/* ---- what the controller would have chosen at an earlier update; null: now */

const policy = { at: null, asked: null, known: new Map() };

async function showPolicy() {
  const slider = byId('heat-time');
  if (!slider) return;
  if (policy.at === null) {
    slider.value = slider.max;
    byId('heat-at').textContent = slider.max;
    return;
  }
  const at = policy.asked = policy.at;
  byId('heat-at').textContent = at;
  if (!policy.known.has(at)) {
    const response = await fetch(slider.dataset.url.replace(/0\/$/, `${at}/`));
    if (!response.ok) return;
    policy.known.set(at, await response.json());
  }
  if (policy.asked !== at || policy.at !== at) return;
  const { figure, identity } = policy.known.get(at);
  draw(byId('plot-heat'), figure);
  if (identity && byId('heat-identity')) byId('heat-identity').textContent = `${identity[0]} of ${identity[1]}`;
}

document.addEventListener('input', (event) => {
  if (event.target.id !== 'heat-time') return;
  const slider = event.target;
  policy.at = slider.value === slider.max ? null : Number(slider.value);
  if (policy.at === null) refresh();
  else showPolicy();
});

/* ---- after the page came and after every live update */

async function refresh() {
  clocks();
  for (const hidden of document.querySelectorAll('main [data-needs-js]')) hidden.hidden = false;
  const slider = byId('heat-time');
  const past = policy.at !== null && slider && policy.at < Number(slider.max);
  if (!past) policy.at = null;
  const heat = byId('plot-heat');
  if (heat) heat.dataset.figure = past ? '' : 'figure-heat';
  showPolicy();
  await drawAll();
  link(byId('plot-best'));
  link(byId('plot-cost'));
}
document.addEventListener('live:update', refresh);
await refresh();
document.documentElement.dataset.pageReady = '';
