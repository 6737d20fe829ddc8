/* Brushes over the parallel coordinates that the server drew: a cell stays while it lies within every brush. */
import { h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg', WIDTH = 22, STEP = 0.05, SHOWN = 10;
const draw = document.getElementById('parallel');

if (draw) connect(draw, Number(draw.dataset.top), Number(draw.dataset.bottom));

function connect(svg, top, bottom) {
  const lines = [...svg.querySelectorAll('polyline')].map((element) => ({ element, at: places(element) }));
  const axes = [...svg.querySelectorAll('.axis')].map((element) => makeAxis(element));
  const words = document.getElementById('brushed'), hint = words.innerText;
  const list = document.getElementById('brushed-cells'), apply = document.getElementById('apply-brush');

  function makeAxis(element) {
    const { x, low, high, field, title } = element.dataset;
    const axis = { element, x: Number(x), low: Number(low), high: Number(high), field, title, range: null };
    const hit = document.createElementNS(SVG, 'rect'), brush = document.createElementNS(SVG, 'rect');
    for (const [rect, name] of [[hit, 'hit'], [brush, 'brush']]) {
      rect.setAttribute('class', name);
      rect.setAttribute('x', axis.x - WIDTH / 2);
      rect.setAttribute('width', WIDTH);
    }
    hit.setAttribute('y', top);
    hit.setAttribute('height', bottom - top);
    hit.setAttribute('tabindex', '0');
    hit.setAttribute('role', 'slider');
    axis.hit = hit;
    axis.brush = brush;
    element.append(brush, hit);
    return axis;
  }

  /* y of the line at each x it passes */
  function places(element) {
    return new Map(element.getAttribute('points').split(' ').map((pair) => pair.split(',').map(Number)));
  }
  const share = (y) => Math.min(1, Math.max(0, (bottom - y) / (bottom - top)));
  const value = (axis, at) => axis.low + (axis.high - axis.low) * at;
  const inside = (line) => axes.every(({ x, range }) => {
    if (!range) return true;
    const y = line.at.get(x);
    return y !== undefined && share(y) >= range[0] - 1e-6 && share(y) <= range[1] + 1e-6;
  });

  function show() {
    const kept = lines.filter((line) => inside(line)), any = axes.some((axis) => axis.range);
    for (const line of lines) line.element.classList.toggle('out', any && !kept.includes(line));
    for (const axis of axes) showBrush(axis);
    const brushed = axes.filter((axis) => axis.range);
    words.textContent = any ? `${kept.length} of ${lines.length} cells lie within ${brushed.map((axis) => axis.title).join(', ')}.` : hint;
    apply.hidden = !brushed.some((axis) => axis.field);
    const best = any ? kept.sort((a, b) => b.element.dataset.accuracy - a.element.dataset.accuracy).slice(0, SHOWN) : [];
    list.replaceChildren(...best.map(({ element: { dataset } }) => h('li', {},
      h('a', { class: 'cellname mono', href: `/cells/${dataset.key}/` }, dataset.name), ` ${(100 * dataset.accuracy).toFixed(2)}\u00a0%`)));
  }

  function showBrush({ brush, hit, range, title, low, high }) {
    const [from, to] = range ?? [0, 0];
    brush.setAttribute('y', bottom - to * (bottom - top));
    brush.setAttribute('height', range ? Math.max(2, (to - from) * (bottom - top)) : 0);
    const text = range ? `${value({ low, high }, from).toPrecision(3)} to ${value({ low, high }, to).toPrecision(3)}` : 'all';
    hit.setAttribute('aria-label', `${title}: cells kept`);
    hit.setAttribute('aria-valuemin', low);
    hit.setAttribute('aria-valuemax', high);
    hit.setAttribute('aria-valuenow', value({ low, high }, range ? from : 0));
    hit.setAttribute('aria-valuetext', text);
  }

  function drag(axis, event) {
    const toShare = (e) => {
      const point = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return share(point.y);
    };
    const start = toShare(event);
    axis.hit.setPointerCapture(event.pointerId);
    const move = (e) => {
      const now = toShare(e);
      axis.range = Math.abs(now - start) < 0.01 ? null : [Math.min(start, now), Math.max(start, now)];
      show();
    };
    axis.hit.addEventListener('pointermove', move);
    axis.hit.addEventListener('pointerup', () => axis.hit.removeEventListener('pointermove', move), { once: true });
  }

  function press(axis, event) {
    const way = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (event.key === 'Escape') axis.range = null;
    else if (way) {
      const [from, to] = axis.range ?? [0, 1];
      axis.range = event.shiftKey ? [from, Math.max(from, Math.min(1, to + way))] : [Math.max(0, Math.min(to, from + way)), to];
    } else return;
    event.preventDefault();
    show();
  }

  for (const axis of axes) {
    axis.hit.addEventListener('pointerdown', (event) => drag(axis, event));
    axis.hit.addEventListener('dblclick', () => { axis.range = null; show(); });
    axis.hit.addEventListener('keydown', (event) => press(axis, event));
  }
  apply.addEventListener('click', () => {
    const form = document.getElementById('filters');
    for (const axis of axes.filter(({ field, range }) => field && range)) {
      form.elements[`${axis.field}_min`].value = value(axis, axis.range[0]).toPrecision(5);
      form.elements[`${axis.field}_max`].value = value(axis, axis.range[1]).toPrecision(5);
    }
    form.requestSubmit();
  });
  show();
  svg.dataset.ready = '';
}
