/* The form of a full training: as the new-search form, and a button that has a worker time a few steps. */
import { watchAll } from './live.js';
import { ask } from './new-search.js';

document.addEventListener('click', (event) => {
  if (!event.target.closest('button[name="time"]')) return;
  event.preventDefault();
  ask({ time: '1' });
});

/* what a worker is timing is asked for until it is there, wherever the panel comes from */
new MutationObserver(() => watchAll()).observe(document.querySelector('main'), { childList: true, subtree: true });
