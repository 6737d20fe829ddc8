/* Which part of a drawing is seen: zoom, pan, pinch, fit, and a small map of a drawing larger than its place.
 *
 * home is how the drawing stands at first, view what the reader did to it since; both are {x, y, k}. */
import { GRID } from './cell-geometry.js';
import { Minimap } from './cell-minimap.js';

const HOME = { x: 0, y: 0, k: 1 };
const STEP = 1.25, MOST = 4, REACH = 48;   /* so many pixels of a drawing stay in sight however far it is pushed */

export class CellView {
  constructor(host, svg, { minScale, signal }) {
    Object.assign(this, { host, svg, minScale, signal, view: HOME, home: HOME, fingers: new Map(), dragged: false });
    this.minimap = new Minimap(host, this);
    const on = (target, name, listener, options) => target.addEventListener(name, listener, { signal, ...options });
    on(svg, 'wheel', (event) => this.wheel(event), { passive: false });
    on(svg, 'pointerdown', (event) => this.press(event));
    on(window, 'beforeprint', () => this.print(true));
    on(window, 'afterprint', () => this.print(false));
    const zoom = host.querySelector('.zoom');
    if (zoom) on(zoom, 'click', (event) => this.command(event.target.closest('button')?.dataset.zoom));
  }

  destroy() { this.minimap.destroy(); }

  /* a new drawing: the scene to move, where its parts are, and its nodes for the map. The view stays unless told otherwise */
  show(scene, geometry, nodes) {
    Object.assign(this, { scene, geometry });
    this.frame();
    this.minimap.draw(geometry, nodes);
    this.place();
  }

  reset() { this.view = HOME; }
  get scale() { return this.home.k * this.view.k; }
  get room() { return { width: this.host.clientWidth, height: this.tall }; }

  /* how high the canvas is and how the drawing stands in it at first: as large as fits, text readable, else cut off */
  frame() {
    const { right, width, height } = this.geometry, room = this.host.clientWidth - 2 * GRID.pad, foot = right ? GRID.labelRoom / 2 : 0;
    const most = Math.max(320, Math.min(innerHeight - 200, 680)), lowest = this.minScale < GRID.minScale ? 1 : (most - 2 * GRID.pad - foot) / height;
    const least = Math.min(this.minScale, Math.max(0.88 * this.minScale, room / width));     /* what almost fits is made to */
    const k = this.filling ? this.fillingScale(room) : Math.max(least, Math.min(1, room / width, lowest));
    const whole = height * k + 2 * GRID.pad + foot;
    this.tall = this.filling ? this.host.clientHeight : this.minScale < GRID.minScale ? whole : Math.min(whole, most);
    /* the map of a long, low drawing stands below it, not on it */
    const below = !this.filling && width * k > room + 1 && whole < 300 ? this.minimap.heightFor(this.geometry) : 0;
    this.tall += below;
    this.svg.setAttribute('height', this.tall);
    const over = whole > this.tall + 1;
    this.home = { k, x: Math.max(GRID.pad, (this.host.clientWidth - width * k) / 2), y: over ? GRID.pad : (this.tall - below - height * k) / 2 };
    this.host.classList.toggle('pans', width * k > room + 1);
    this.host.classList.toggle('pans-down', over);
  }

  /* with a place of its own the drawing also grows, somewhat */
  fillingScale(room) {
    const { width, height } = this.geometry, most = Math.min(room / width, (this.host.clientHeight - 2 * GRID.pad) / height);
    return Math.max(this.minScale, Math.min(1.5, most));
  }

  /* takes all the height its place has, and lets the bare wheel zoom */
  fill(filling) {
    this.filling = filling;
    this.reset();
  }

  /* on paper the whole drawing, as wide as the paper allows */
  print(printing) {
    this.printing = printing;
    this.svg.style.maxWidth = '';
    if (!printing) this.svg.removeAttribute('viewBox');
    if (this.scene) this.place();
  }

  placeOnPaper() {
    const width = this.geometry.width + 2 * GRID.pad, height = this.geometry.height + 2 * GRID.pad + GRID.labelRoom;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.svg.removeAttribute('height');
    this.svg.style.maxWidth = `${width}px`;
    this.scene.setAttribute('transform', `translate(${GRID.pad} ${GRID.pad})`);
  }

  /* ---- commands */
  command(name) {
    if (name === 'fit') this.fit();
    else if (name === 'in' || name === 'out') { this.zoom(name === 'in' ? STEP : 1 / STEP); this.place(); }
  }

  /* the whole drawing in sight, however small; the way it stood at first where that shows it all */
  fit() {
    const { width, height } = this.geometry, { home } = this;
    const k = Math.min(home.k, (this.room.width - 2 * GRID.pad) / width, (this.tall - 2 * GRID.pad) / height);
    const x = (this.room.width - width * k) / 2, y = (this.tall - height * k) / 2;
    this.view = k >= home.k - 1e-6 ? HOME : { k: k / home.k, x: x - home.x, y: y - home.y };
    this.place();
  }

  zoom(factor, x = this.host.clientWidth / 2, y = this.tall / 2) {
    const least = Math.min(0.5, 0.9 * (this.room.width - 2 * GRID.pad) / this.geometry.width / this.home.k);
    const k = Math.min(MOST, Math.max(least, this.view.k * factor)), ratio = k / this.view.k;
    this.view = { k, x: x - this.home.x - (x - this.home.x - this.view.x) * ratio, y: y - this.home.y - (y - this.home.y - this.view.y) * ratio };
    this.later();
  }

  move(dx, dy) {
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.later();
  }

  /* brings a point of the drawing into sight, where it is not */
  reveal(x, y) {
    const at = { x: this.home.x + this.view.x + x * this.scale, y: this.home.y + this.view.y + y * this.scale };
    const miss = (v, size) => v < REACH ? REACH - v : v > size - REACH ? size - REACH - v : 0;
    const [dx, dy] = [miss(at.x, this.room.width), miss(at.y, this.tall)];
    if (dx || dy) this.move(dx, dy);
  }

  /* puts a point of the drawing into the middle */
  centreOn(x, y) {
    this.view = { ...this.view, x: this.room.width / 2 - this.home.x - x * this.scale, y: this.tall / 2 - this.home.y - y * this.scale };
    this.later();
  }

  /* ---- pointer */
  wheel(event) {
    const zooms = event.ctrlKey || event.metaKey || this.filling;
    if (!zooms) return;
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }

  /* one pointer drags, two pinch */
  press(event) {
    if (event.button) return;
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.fingers.size === 1) {
      this.dragged = false;
      this.start = [event.clientX, event.clientY];
      this.follow();
    }
  }

  follow() {
    const watch = new AbortController(), signal = AbortSignal.any([watch.signal, this.signal]);
    addEventListener('pointermove', (event) => this.drag(event), { signal });
    const lift = (event) => {
      this.fingers.delete(event.pointerId);
      if (this.fingers.size) return;
      watch.abort();
      setTimeout(() => { this.dragged = false; });
    };
    addEventListener('pointerup', lift, { signal });
    addEventListener('pointercancel', lift, { signal });
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId), now = [event.clientX, event.clientY];
    if (!before) return;
    if (this.fingers.size > 1) this.pinch(event.pointerId, before, now);
    else {
      if (!this.dragged && Math.hypot(now[0] - this.start[0], now[1] - this.start[1]) <= 4) return;
      const from = this.dragged ? before : this.start;
      this.dragged = true;
      this.move(now[0] - from[0], now[1] - from[1]);
    }
    this.fingers.set(event.pointerId, now);
  }

  pinch(id, before, now) {
    const [, other] = [...this.fingers].find(([key]) => key !== id), box = this.svg.getBoundingClientRect();
    const apart = (p) => Math.max(8, Math.hypot(p[0] - other[0], p[1] - other[1])), middle = (p, i) => (p[i] + other[i]) / 2;
    this.dragged = true;
    this.move(middle(now, 0) - middle(before, 0), middle(now, 1) - middle(before, 1));
    this.zoom(apart(now) / apart(before), middle(now, 0) - box.left, middle(now, 1) - box.top);
  }

  /* ---- placing: at most once a frame */
  later() {
    this.waiting ??= requestAnimationFrame(() => this.place());
  }

  place() {
    if (this.waiting) cancelAnimationFrame(this.waiting);
    this.waiting = null;
    if (!this.scene) return;
    if (this.printing) return this.placeOnPaper();
    this.svg.setAttribute('height', this.tall);
    const { geometry, home, scale, room } = this, { width, height } = geometry;
    const within = (v, size, space) => Math.min(space - REACH, Math.max(REACH - size, v));
    const x = within(home.x + this.view.x, width * scale, room.width), y = within(home.y + this.view.y, height * scale, this.tall);
    this.view = { ...this.view, x: x - home.x, y: y - home.y };
    this.scene.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    this.minimap.frame({ x: -x / scale, y: -y / scale, width: room.width / scale, height: this.tall / scale });
  }
}
