/* Elements from data, never from strings of HTML: h('p', {class: 'soft'}, 'text', h('b', {}, name)). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const NARROW = '\u202f', SPACE = '\u00a0';

/* 3346538 as 3 346 538; below 10 000 without */
export const thousands = (n) => n < 10_000 ? String(Math.round(n)) : Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, NARROW);

/* a count in three digits and its multiple, as the server writes it */
export function mega(n) {
  const [size, letter] = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']].find(([s]) => n >= s * 0.9995) ?? [];
  if (!size) return String(Math.round(n));
  const value = n / size;
  return `${value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)}${SPACE}${letter}`;
}
/* milliseconds in three digits */
export const milliseconds = (ms) => `${ms >= 99.95 ? ms.toFixed(0) : ms >= 9.995 ? ms.toFixed(1) : ms >= 0.0995 ? ms.toFixed(2) : ms.toFixed(3)}${SPACE}ms`;
export const percent = (x) => `${(100 * x).toFixed(x >= 0.0995 || x === 0 ? 0 : 1)}${SPACE}%`;
