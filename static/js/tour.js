/* The tour: a card that walks through the page's parts one by one; skipped with Escape, and not shown again. */
const YEAR = 365 * 24 * 3600;
const card = document.getElementById('tour'), steps = [...card.querySelectorAll('li')];
let at = 0, pointed = null;

function show(step) {
  at = step;
  for (const [number, item] of steps.entries()) item.hidden = number !== at;
  document.getElementById('tour-at').textContent = `${at + 1} of ${steps.length}`;
  document.getElementById('tour-back').hidden = at === 0;
  document.getElementById('tour-next').textContent = at === steps.length - 1 ? 'Done' : 'Next';
  pointed?.classList.remove('toured');
  pointed = [...document.querySelectorAll(steps[at].dataset.points)].find((element) => element.offsetParent) ?? null;
  pointed?.classList.add('toured');
  pointed?.scrollIntoView({ block: 'nearest' });
}

function end() {
  pointed?.classList.remove('toured');
  card.hidden = true;
  document.cookie = `tour=seen; path=/; max-age=${YEAR}; samesite=lax`;
}

document.getElementById('tour-skip').addEventListener('click', end);
document.getElementById('tour-back').addEventListener('click', () => show(at - 1));
document.getElementById('tour-next').addEventListener('click', () => (at === steps.length - 1 ? end() : show(at + 1)));
document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && !card.hidden) end(); });
card.hidden = false;
show(0);
card.focus({ preventScroll: true });
