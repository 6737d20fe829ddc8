/* The sweep page: which statistic is shown. */
import './live.js';
import { drawAll } from './plots.js';

const plot = () => document.getElementById('plot-sweep');

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-statistic]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  history.replaceState(null, '', link.href);
  choose(link.dataset.statistic);
});

function choose(name) {
  for (const link of document.querySelectorAll('[data-statistic]')) {
    if (link.dataset.statistic === name) link.setAttribute('aria-current', 'true'); else link.removeAttribute('aria-current');
  }
  plot().dataset.figure = `figure-${name}`;
  drawAll();
}

/* after a live update the reader’s choice stands again */
async function refresh() {
  const chosen = new URLSearchParams(location.search).get('x');
  const known = [...document.querySelectorAll('[data-statistic]')].some((link) => link.dataset.statistic === chosen);
  if (known) choose(chosen); else await drawAll();
}
document.addEventListener('live:update', refresh);
await refresh();
document.documentElement.dataset.pageReady = '';
