/* Draws one cell from the layout made by the server and makes it explorable.
 *
 * layout = {
 *   nodes: [{id, kind, rank, lane, label?, family?, block?, side?, from?, older?, diff?, was?}],
 *   edges: [{from, to, older?, via: [[rank, lane], ...], diff?}],
 * }
 * kind: input | op | add | cat | concat | output.
 *
 * Fires "inspect" on its host, {diagram, node, pinned}, on hover, focus and hold; node is null when nothing is looked at. */
import { GRID, Geometry } from './cell-geometry.js';
import { drawEdge, drawNode, element } from './cell-parts.js';

const HOME = { x: 0, y: 0, k: 1 };

export class CellDiagram {
  /* minScale: how small the drawing may get before it pans instead */
  constructor(host, layout, { direction = 'right', label = 'Cell', minScale = GRID.minScale } = {}) {
    Object.assign(this, { host, direction, minScale, costs: null, pinned: null, active: null, view: HOME });
    this.svg = element('svg', { role: 'group', 'aria-label': label });
    host.prepend(this.svg);
    this.listeners = new AbortController();
    this.bind(this.listeners.signal);
    this.observer = new ResizeObserver(() => { if (host.clientWidth !== this.drawnWidth) this.draw(); });
    this.setLayout(layout);
    this.observer.observe(host);
  }

  /* removes the drawing and every listener */
  destroy() {
    this.observer.disconnect();
    this.listeners.abort();
    this.svg.remove();
  }

  setLayout(layout) {
    this.layout = layout;
    this.byId = new Map(layout.nodes.map((node) => [node.id, node]));
    if (!this.byId.has(this.pinned)) this.pinned = null;
    if (!this.byId.has(this.active)) this.active = layout.nodes[0].id;
    this.view = HOME;
    this.draw();
  }
  /* costs: {id: {share, ...}}; share, 0 to 1, is drawn as a bar inside the operation */
  setCosts(costs) { this.costs = costs; this.draw(); }
  setDirection(direction) { this.direction = direction; this.view = HOME; this.draw(); }
  setLabel(label) { this.svg.setAttribute('aria-label', label); }

  /* the least width, in pixels, that the drawing takes at full size */
  get leastWidth() { return new Geometry(this.layout, this.direction, 0, true).width + 2 * GRID.pad; }

  /* the least width, in pixels, in which operations show their names in full */
  get fullWidth() { return new Geometry(this.layout, this.direction, 0).width + 2 * GRID.pad; }

  draw() {
    this.drawnWidth = this.host.clientWidth;
    if (!this.drawnWidth) return;
    const geometry = this.geometry = Geometry.fit(this.layout, this.direction, this.drawnWidth - 2 * GRID.pad);
    const focused = this.svg.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const top = Math.max(1e-9, ...Object.values(this.costs ?? {}).map((cost) => cost.share));
    this.scene = element('g');
    this.parts = new Map();
    this.edges = this.layout.edges.map((edge) => ({ edge, shapes: drawEdge(edge, geometry) }));
    this.scene.append(...this.edges.flatMap(({ shapes }) => shapes));
    for (const node of this.layout.nodes) {
      const cost = this.costs && node.kind === 'op' ? { share: this.costs[node.id]?.share ?? 0, top } : null;
      this.parts.set(node.id, drawNode(node, geometry, cost));
    }
    this.scene.append(...this.parts.values());
    this.svg.replaceChildren(this.scene);
    this.rove(this.active);
    this.fit();
    this.paint(this.pinned);
    if (focused) this.parts.get(focused)?.focus({ preventScroll: true });
  }

  /* ---- paths */
  reachable(id, forward) {
    const seen = new Set([id]), queue = [id];
    while (queue.length) {
      const at = queue.pop();
      for (const edge of this.layout.edges) {
        const [from, to] = forward ? [edge.from, edge.to] : [edge.to, edge.from];
        if (from === at && !seen.has(to)) { seen.add(to); queue.push(to); }
      }
    }
    return seen;
  }

  paint(id) {
    const before = id ? this.reachable(id, false) : new Set(), after = id ? this.reachable(id, true) : new Set();
    this.svg.classList.toggle('has-path', Boolean(id));
    this.svg.classList.toggle('is-pinned', Boolean(id) && id === this.pinned);
    for (const [key, part] of this.parts) {
      part.classList.toggle('on', before.has(key) || after.has(key));
      part.classList.toggle('pinned', key === this.pinned);
      part.setAttribute('aria-pressed', String(key === this.pinned));
    }
    for (const { edge, shapes } of this.edges) {
      const on = (before.has(edge.to) && before.has(edge.from)) || (after.has(edge.from) && after.has(edge.to));
      for (const shape of shapes) shape.classList.toggle('on', on);
    }
  }

  look(id) {
    const shown = id ?? this.pinned;
    if (this.parts) this.paint(this.pinned ?? id);
    const detail = { diagram: this, node: shown ? this.byId.get(shown) : null, pinned: this.pinned };
    this.host.dispatchEvent(new CustomEvent('inspect', { bubbles: true, detail }));
  }

  pin(id) { this.pinned = this.pinned === id ? null : id; this.look(id); }
  release() { if (this.pinned) { this.pinned = null; this.look(null); } }

  /* ---- interaction */
  bind(signal) {
    const at = (event) => event.target.closest?.('.cell-node')?.dataset.id ?? null;
    const on = (name, listener, options) => this.svg.addEventListener(name, listener, { signal, ...options });
    on('pointerover', (e) => { if (e.pointerType !== 'touch') this.look(at(e)); });
    on('pointerleave', () => this.look(null));
    on('focusin', (e) => { if (at(e)) { this.rove(at(e)); this.look(at(e)); } });
    on('focusout', () => this.look(null));
    on('click', (e) => { if (this.dragged) return; if (at(e)) this.pin(at(e)); else this.release(); });
    on('keydown', (e) => this.key(e, at(e)));
    on('wheel', (e) => this.wheel(e), { passive: false });
    on('pointerdown', (e) => this.drag(e));
    this.host.querySelector('.zoom')?.addEventListener('click', (e) => {
      const act = e.target.closest('button')?.dataset.zoom;
      if (act === 'fit') { this.view = HOME; this.fit(); } else if (act) this.zoom(act === 'in' ? 1.25 : 0.8);
    }, { signal });
  }

  /* one tab stop: the node last looked at */
  rove(id) {
    this.active = id;
    for (const [key, part] of this.parts) part.setAttribute('tabindex', key === id ? '0' : '-1');
  }

  key(event, id) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') return this.release();
    if (event.key === '+' || event.key === '-') return this.zoom(event.key === '+' ? 1.25 : 0.8);
    if (!id) return;
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); return this.pin(id); }
    const next = this.neighbour(this.byId.get(id), event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (next) this.parts.get(next.id).focus();
  }

  /* the node an arrow key leads to; null at the end, undefined for any other key */
  neighbour(node, key) {
    const { nodes, edges } = this.layout;
    const keys = this.direction === 'right' ? ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'] : ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'];
    const nearest = (list) => list.sort((a, b) => Math.abs(a.lane - node.lane) - Math.abs(b.lane - node.lane) || a.lane - b.lane)[0] ?? null;
    switch (keys.indexOf(key)) {
      case 0: return nearest(edges.filter((e) => e.to === node.id).map((e) => this.byId.get(e.from)));
      case 1: return nearest(edges.filter((e) => e.from === node.id).map((e) => this.byId.get(e.to)));
      case 2: return nearest(nodes.filter((n) => n.rank === node.rank && n.lane < node.lane));
      case 3: return nearest(nodes.filter((n) => n.rank === node.rank && n.lane > node.lane));
      default: return { Home: nodes[0], End: nodes.at(-1) }[key];
    }
  }

  /* ---- pan and zoom */
  drag(event) {
    if (event.button) return;
    const start = [event.clientX, event.clientY], from = { ...this.view }, drag = new AbortController();
    const signal = AbortSignal.any([drag.signal, this.listeners.signal]);
    this.dragged = false;
    addEventListener('pointermove', (e) => {
      const dx = e.clientX - start[0], dy = e.clientY - start[1];
      if (Math.hypot(dx, dy) > 4) this.dragged = true;
      if (this.dragged) { this.view = { ...from, x: from.x + dx, y: from.y + dy }; this.place(); }
    }, { signal });
    const stop = () => { drag.abort(); setTimeout(() => { this.dragged = false; }); };
    addEventListener('pointerup', stop, { signal });
    addEventListener('pointercancel', stop, { signal });
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }

  zoom(factor, x = this.host.clientWidth / 2, y = this.svg.clientHeight / 2) {
    const k = Math.min(3, Math.max(0.5, this.view.k * factor)), ratio = k / this.view.k;
    this.view = { k, x: x - this.home.x - (x - this.home.x - this.view.x) * ratio, y: y - this.home.y - (y - this.home.y - this.view.y) * ratio };
    this.place();
  }

  fit() {
    const { right, width, height } = this.geometry, room = this.host.clientWidth - 2 * GRID.pad;
    const k = Math.max(this.minScale, Math.min(1, room / width)), tall = height * k + 2 * GRID.pad + (right ? GRID.labelRoom / 2 : 0);
    this.svg.setAttribute('height', tall);
    this.home = { k, x: Math.max(GRID.pad, (this.host.clientWidth - width * k) / 2), y: (tall - height * k) / 2 };
    this.host.classList.toggle('pans', width * k > room + 1);
    this.place();
  }

  place() {
    const { home, view } = this;
    this.scene.setAttribute('transform', `translate(${home.x + view.x} ${home.y + view.y}) scale(${home.k * view.k})`);
  }
}
