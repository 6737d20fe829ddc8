/* A form whose cost a worker can time: the new-search form and the one of full trainings, with that button. */
import { watchAll } from './live.js';
import { ask } from './new-search.js';

document.addEventListener('click', (event) => {
  if (!event.target.closest('button[name="time"]')) return;
  event.preventDefault();
  ask({ time: '1' });
});

/* what a worker is timing is asked for until it is there, wherever the panel comes from */
new MutationObserver(() => watchAll()).observe(document.querySelector('main'), { childList: true, subtree: true });
