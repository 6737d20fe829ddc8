/* The whole drawing in a corner and the part of it that is seen, shown where the drawing is larger than its place. A click or
 * a drag on it moves the view. It repeats what the arrow keys reach, so it is not a tab stop. */
import { element } from './cell-parts.js';

const WIDE = 148, TALL = 84, PAD = 4;

export class Minimap {
  constructor(host, view) {
    Object.assign(this, { host, view });
    this.svg = element('svg', { class: 'minimap', 'aria-hidden': 'true' });
    this.svg.addEventListener('pointerdown', (event) => this.press(event));
    this.svg.addEventListener('pointermove', (event) => { if (this.svg.hasPointerCapture(event.pointerId)) this.go(event); });
    host.append(this.svg);
  }

  destroy() { this.svg.remove(); }

  heightFor(geometry) { return Math.min(WIDE / geometry.width, TALL / geometry.height) * geometry.height + 2 * PAD; }

  draw(geometry, nodes) {
    this.geometry = geometry;
    this.k = Math.min(WIDE / geometry.width, TALL / geometry.height);
    const [w, h] = [geometry.width * this.k + 2 * PAD, geometry.height * this.k + 2 * PAD];
    for (const [name, value] of Object.entries({ width: w, height: h, viewBox: `${-PAD} ${-PAD} ${w} ${h}` })) this.svg.setAttribute(name, value);
    this.window = element('rect', { class: 'window', rx: 2 });
    const dots = nodes.map((node) => {
      const [x, y] = geometry.centre(node), [width, height] = geometry.size(node);
      const [dotWidth, dotHeight] = [Math.max(2.5, width * this.k), Math.max(2, height * this.k)];
      return element('rect', { class: `dot ${node.family ? `op-${node.family}` : ''}`, x: x * this.k - dotWidth / 2, y: y * this.k - dotHeight / 2, width: dotWidth, height: dotHeight, rx: 1 });
    });
    this.svg.replaceChildren(...dots, this.window);
  }

  /* box: what is seen, in the drawing's own units */
  frame(box) {
    const { geometry, k } = this, slack = 2;
    const all = box.x <= slack && box.y <= slack && box.x + box.width >= geometry.width - slack && box.y + box.height >= geometry.height - slack;
    this.svg.classList.toggle('shown', !all);
    if (all) return;
    const [left, top] = [Math.max(0, box.x), Math.max(0, box.y)];
    const [right, bottom] = [Math.min(geometry.width, box.x + box.width), Math.min(geometry.height, box.y + box.height)];
    const place = { x: left * k - 1, y: top * k - 1, width: Math.max(4, (right - left) * k + 2), height: Math.max(4, (bottom - top) * k + 2) };
    for (const [name, value] of Object.entries(place)) this.window.setAttribute(name, value);
  }

  press(event) {
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.go(event);
  }

  go(event) {
    const box = this.svg.getBoundingClientRect();
    this.view.centreOn((event.clientX - box.left - PAD) / this.k, (event.clientY - box.top - PAD) / this.k);
  }
}
