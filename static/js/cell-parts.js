/* The SVG of a cell diagram's nodes and edges. Classes are styled in static/css/diagram.css. */
import { GRID } from './cell-geometry.js';
import { describe, labelOf } from './cell-words.js';

const SVG = 'http://www.w3.org/2000/svg';

/* 12 x 12 kernels: what the operation does to a 3 x 3 neighbourhood */
export const GLYPHS = {
  skip: 'M0 5h8V2l4 4-4 4V7H0z',
  avg: 'M2 0h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H2a2 2 0 0 1-2-2V2a2 2 0 0 1 2-2z',
  max: 'M0 0h12v12H0zM1.6 1.6v8.8h8.8V1.6zM6 1.6h4.4V6H6z',
  conv: 'M0 0h3v3H0zM4.5 0h3v3h-3zM9 0h3v3H9zM0 4.5h3v3H0zM4.5 4.5h3v3h-3zM9 4.5h3v3H9zM0 9h3v3H0zM4.5 9h3v3h-3zM9 9h3v3H9z',
  fact: 'M4.5 0h3v4.5H12v3H7.5V12h-3V7.5H0v-3h4.5z',
  sep: 'M0 0h3v12H0zM4.5 0h3v12h-3zM9 0h3v12H9z',
  inv: 'M0 4h3l2-4h2l2 4h3v4H9l-2 4H5L3 8H0z',
  dil: 'M0 0h3.4v3.4H0zM8.6 0H12v3.4H8.6zM4.3 4.3h3.4v3.4H4.3zM0 8.6h3.4V12H0zM8.6 8.6H12V12H8.6z',
  none: 'M1 0l5 5 5-5 1 1-5 5 5 5-1 1-5-5-5 5-1-1 5-5-5-5z',
};
const SIGNS = { add: 'M-4 0h8M0-4v8', cat: 'M-3-3.5v7M3-3.5v7', concat: 'M-5-5v10M0-5v10M5-5v10' };
const MARKS = { changed: 'M-3.5 1c1.5-3 3-3 3.5-1s2 2 3.5-1', added: 'M-3 0h6M0-3v6', removed: 'M-3 0h6' };

export function element(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const classes = (...names) => names.filter(Boolean).join(' ');

/* the part of an operation's name that says most, where there is no room for both */
function shorten(node) {
  const [first, ...rest] = labelOf(node).replace(/ SE$/, '').split(' ');
  return rest.at(-1) === 'narrow' || node.family === 'fact' ? first : rest.at(-1) ?? first;
}

/* weight: the line's width in pixels, where the channels it carries are known */
export function drawEdge(edge, geometry, weight) {
  const { path, arrow } = geometry.edge(edge), diff = edge.diff && `diff-${edge.diff}`;
  const shapes = [element('path', { class: classes('cell-edge', edge.older && 'older', edge.to === 'out' && 'wide', diff), d: path })];
  if (weight) shapes[0].style.setProperty('--weight', `${weight}px`);
  if (arrow) shapes.push(element('path', { class: classes('cell-arrow', diff), d: arrow }));
  return shapes;
}

/* A node as a button-like group. cost: {share, top}, drawn as a bar inside an operation. */
export function drawNode(node, geometry, cost, inputs) {
  const [w, h] = geometry.size(node), x = -w / 2, y = -h / 2, [cx, cy] = geometry.centre(node);
  const round = node.dot ? h / 2 : node.kind === 'op' ? 6 : node.kind === 'cat' ? 4 : h / 2, state = node.kind === 'input' || node.kind === 'output';
  const group = element('g', {
    class: classes('cell-node', state ? 'state' : node.kind, node.family && `op-${node.family}`, node.older && 'older', node.diff && `diff-${node.diff}`),
    transform: `translate(${cx} ${cy})`, role: 'button', 'aria-label': describe(node, inputs), 'data-id': node.id,
  });
  group.append(element('rect', { class: 'ring', x: x - 3.5, y: y - 3.5, width: w + 7, height: h + 7, rx: round + 3.5 }));
  group.append(element('rect', { class: 'box', x, y, width: w, height: h, rx: round }));
  if (node.dot) group.append(element('text', { class: 'dot', 'text-anchor': 'middle', y: 4 }, node.dot));
  else if (node.kind === 'op') operation(group, node, { x, y, w, h }, geometry.compact, cost);
  else if (state) group.append(stateName(node));
  else join(group, node, geometry.right);
  if (MARKS[node.diff]) mark(group, node.diff, -x, y);
  return group;
}

function operation(group, node, { x, y, w, h }, compact, cost) {
  const cap = GRID.cap, left = x + cap + 8, rail = w - cap - 16;
  group.append(element('path', { class: 'cap-shape', d: `M${x + cap} ${y}v${h}h${6 - cap}a6 6 0 0 1-6-6v${12 - h}a6 6 0 0 1 6-6z` }));
  group.append(element('path', { class: 'glyph', d: GLYPHS[node.family] ?? '', 'fill-rule': 'evenodd', transform: `translate(${x + cap / 2 - 5} -5) scale(.8333)` }));
  const text = element('text', { x: left, y: cost ? 2.5 : 4.5 });
  if (node.was) text.append(element('tspan', { class: 'was' }, node.was), ' → ');
  text.append(compact && !node.was ? shorten(node) : labelOf(node));
  group.append(text);
  if (!cost) return;
  const bar = { x: left, y: y + h - 6, height: 2, rx: 1 };
  group.append(element('rect', { class: 'cost-rail', width: rail, ...bar }));
  if (cost.share > 0) group.append(element('rect', { class: 'cost', width: Math.max(1.5, rail * cost.share / cost.top), ...bar }));
}

function join(group, node, right) {
  group.append(element('path', { class: 'sign', d: SIGNS[node.kind] }));
  const place = node.kind !== 'concat' ? { x: 9, y: -8 } : right ? { x: 0, y: 26, 'text-anchor': 'middle' } : { x: 19, y: 4 };
  group.append(element('text', { class: 'index', ...place }, node.kind === 'concat' ? 'concat' : String(node.block ?? '')));
}

function stateName(node) {
  if (node.name) return element('text', { class: 'named', 'text-anchor': 'middle', y: 4 }, node.name);
  const text = element('text', { 'text-anchor': 'middle', y: 4 }, 'h');
  text.append(element('tspan', { class: 'sub', dx: 1, dy: 4 }, node.kind === 'output' ? 'i+1' : node.older ? 'i−1' : 'i'));
  return text;
}

function mark(group, diff, x, y) {
  group.append(element('circle', { class: 'mark', cx: x - 2, cy: y + 2, r: 7.5 }));
  group.append(element('path', { class: 'mark-sign', d: MARKS[diff], transform: `translate(${x - 2} ${y + 2})` }));
}
