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
import { CellView } from './cell-view.js';

const COMMANDS = { '+': 'in', '=': 'in', '-': 'out', 0: 'fit' };
const THIN = 1.25, THICK = 4;   /* pixels of an edge that carries the fewest channels, and at most */

export class CellDiagram {
  /* minScale: how small the drawing may get before it pans instead */
  constructor(host, layout, { direction = 'right', label = 'Cell', minScale = GRID.minScale } = {}) {
    Object.assign(this, { host, direction, costs: null, pinned: null, active: null });
    this.svg = element('svg', { class: 'drawing', role: 'group', 'aria-label': label });
    host.prepend(this.svg);
    this.listeners = new AbortController();
    this.view = new CellView(host, this.svg, { minScale, signal: this.listeners.signal });
    this.bind(this.listeners.signal);
    this.observer = new ResizeObserver(() => { if (host.clientWidth !== this.drawnWidth || (this.view.filling && host.clientHeight !== this.drawnHeight)) this.draw(); });
    this.setLayout(layout);
    this.observer.observe(host);
  }

  /* removes the drawing and every listener */
  destroy() {
    this.observer.disconnect();
    this.listeners.abort();
    this.view.destroy();
    this.svg.remove();
  }

  /* keep: the view stays where it is */
  setLayout(layout, { keep = false } = {}) {
    this.layout = layout;
    this.byId = new Map(layout.nodes.map((node) => [node.id, node]));
    if (!this.byId.has(this.pinned)) this.pinned = null;
    if (!this.byId.has(this.active)) this.active = layout.nodes[0].id;
    this.after = this.follow('from', 'to');
    this.before = this.follow('to', 'from');
    if (!keep) this.view.reset();
    this.draw();
  }
  /* costs: {id: {share, channels}}; share, 0 to 1, is drawn as a bar inside the operation, channels as the edges' width */
  setCosts(costs) { this.costs = costs; this.draw(); }
  setDirection(direction) { this.direction = direction; this.view.reset(); this.draw(); }
  /* whether the drawing takes all the height of its host */
  setFilling(filling) { this.view.fill(filling); this.draw(); }
  setLabel(label) { this.svg.setAttribute('aria-label', label); }

  /* the least width, in pixels, that the drawing takes at full size */
  get leastWidth() { return new Geometry(this.layout, this.direction, 0, true).width + 2 * GRID.pad; }

  /* the least width, in pixels, in which operations show their names in full */
  get fullWidth() { return new Geometry(this.layout, this.direction, 0).width + 2 * GRID.pad; }

  draw() {
    this.drawnWidth = this.host.clientWidth;
    this.drawnHeight = this.host.clientHeight;
    if (!this.drawnWidth) return;
    const geometry = this.geometry = Geometry.fit(this.layout, this.direction, this.drawnWidth - 2 * GRID.pad);
    const focused = this.svg.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const top = Math.max(1e-9, ...Object.values(this.costs ?? {}).map((cost) => cost.share));
    this.scene = element('g', { class: 'scene' });
    this.parts = new Map();
    const weigh = this.weights();
    this.edges = this.layout.edges.map((edge) => ({ edge, shapes: drawEdge(edge, geometry, weigh(edge)) }));
    this.scene.append(...this.edges.flatMap(({ shapes }) => shapes));
    for (const node of this.layout.nodes) {
      const cost = this.costs && node.kind === 'op' ? { share: this.costs[node.id]?.share ?? 0, top } : null;
      this.parts.set(node.id, drawNode(node, geometry, cost, this.before.get(node.id).map((id) => this.byId.get(id))));
    }
    this.scene.append(...this.parts.values());
    this.svg.replaceChildren(this.scene);
    this.rove(this.active);
    this.view.show(this.scene, geometry, this.layout.nodes);
    this.paint(this.pinned);
    if (focused) this.parts.get(focused)?.focus({ preventScroll: true });
  }

  /* the width of an edge by the channels of the map it carries: twice as wide for four times as many */
  weights() {
    const known = Object.values(this.costs ?? {}).map((cost) => cost.channels).filter(Boolean), least = Math.min(...known);
    return (edge) => {
      const channels = this.costs?.[edge.from]?.channels;
      return channels ? Math.min(THICK, THIN * Math.sqrt(channels / least)) : null;
    };
  }

  /* ---- paths */
  follow(from, to) {
    const next = new Map(this.layout.nodes.map((node) => [node.id, []]));
    for (const edge of this.layout.edges) next.get(edge[from]).push(edge[to]);
    return next;
  }

  reachable(id, next) {
    const seen = new Set([id]), queue = [id];
    while (queue.length) {
      for (const to of next.get(queue.pop())) if (!seen.has(to)) { seen.add(to); queue.push(to); }
    }
    return seen;
  }

  paint(id) {
    const before = id ? this.reachable(id, this.before) : new Set(), after = id ? this.reachable(id, this.after) : new Set();
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
    on('pointerover', (e) => { if (e.pointerType !== 'touch' && !this.view.dragged) this.look(at(e)); });
    on('pointerleave', () => this.look(null));
    on('focusin', (e) => { if (at(e)) { this.rove(at(e)); this.look(at(e)); } });
    on('focusout', () => this.look(null));
    on('click', (e) => { if (this.view.dragged) return; if (at(e)) this.pin(at(e)); else this.release(); });
    on('keydown', (e) => this.key(e, at(e)));
  }

  /* one tab stop: the node last looked at */
  rove(id) {
    this.active = id;
    for (const [key, part] of this.parts) part.setAttribute('tabindex', key === id ? '0' : '-1');
  }

  key(event, id) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') { if (this.pinned) event.preventDefault(); return this.release(); }
    if (COMMANDS[event.key]) return this.view.command(COMMANDS[event.key]);
    if (!id) return;
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); return this.pin(id); }
    const next = this.neighbour(this.byId.get(id), event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (!next) return;
    this.parts.get(next.id).focus({ preventScroll: Boolean(this.view.filling) });
    this.view.reveal(...this.geometry.centre(next));
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
}
