/* Walking through a table's rows by keyboard: up, down, Home and End move between the rows' names, x ticks the box of the row.
 * Listens on the document, since live.js changes the table. */
const named = (table) => [...table.querySelectorAll('tbody .cellname[href], tbody .who > a')].filter((link) => link.offsetParent);

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || document.querySelector('dialog[open]')) return;
  const table = event.target.closest?.('[data-walk]') ?? (event.target === document.body ? document.querySelector('[data-walk]') : null);
  if (!table) return;
  const links = named(table), row = event.target.closest?.('tr'), at = links.findIndex((link) => link.closest('tr') === row);
  if (event.key === 'x' && row) return row.querySelector('input[type="checkbox"]')?.click();
  const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (next === undefined || !links[next]) return;
  event.preventDefault();
  links[next].focus();
});
