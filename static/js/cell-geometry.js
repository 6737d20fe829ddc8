/* Where the parts of a cell diagram go, in pixels.
 *
 * The server decides order (ranks along the flow, lanes across it, see webapp/diagrams/layout.py); this file decides distance.
 * Gaps between ranks stretch with the room there is and with how far edges reach. Short of room, operations shrink to glyph
 * and kernel; text is never scaled up. Everything is computed along and across the flow and turned into x, y at the end. */

const SIZE = { input: [44, 28], op: [92, 28], add: [18, 18], cat: [18, 18], concat: [26, 26], output: [44, 28] };
const COMPACT = { ...SIZE, input: [38, 28], op: [62, 28], output: [38, 28] };
const CHANGED = [166, 28];                       /* an operation that shows before and after */
const PITCH = { right: 36, down: 104 }, COMPACT_PITCH = { right: 36, down: 72 };
const DOT = [28, 20], DOT_PITCH = 27;            /* one of many operations that are all alike */
const ARROW = 6;
const AROUND = 40, LETTER = 7.2;                 /* an operation of a graph says more: its box is as wide as its label wants */

export const GRID = { pad: 16, cap: 24, minScale: 0.78, labelRoom: 18 };

const sum = (list) => list.reduce((a, b) => a + b, 0);

export class Geometry {
  constructor(layout, direction, room, compact = false) {
    Object.assign(this, { layout, direction, compact, right: direction === 'right' });
    this.nodes = new Map(layout.nodes.map((node) => [node.id, node]));
    this.measureRanks(room);
    this.measureLanes();
  }

  /* the full drawing where it fits in the room, else the compact one */
  static fit(layout, direction, room) {
    const full = new Geometry(layout, direction, room);
    return full.width <= room + 1 ? full : new Geometry(layout, direction, room, true);
  }

  get width() { return this.right ? this.length : this.breadth; }
  get height() { return this.right ? this.breadth : this.length; }

  size(node) {
    if (node.was) return CHANGED;
    if (node.dot) return DOT;
    const [w, h] = (this.compact ? COMPACT : SIZE)[node.kind];
    return node.kind === 'op' && node.name && !this.compact ? [Math.max(w, AROUND + LETTER * (node.label?.length ?? 0)), h] : [w, h];
  }
  stops(edge) {
    const spot = (id) => [this.nodes.get(id).rank, this.nodes.get(id).lane];
    return [spot(edge.from), ...edge.via, spot(edge.to)];
  }

  measureRanks(room) {
    const { nodes, edges } = this.layout, ranks = 1 + Math.max(...nodes.map((n) => n.rank)), axis = this.right ? 0 : 1;
    this.thick = Array(ranks).fill(0);
    for (const n of nodes) this.thick[n.rank] = Math.max(this.thick[n.rank], this.size(n)[axis]);
    const reach = Array(ranks - 1).fill(0.3);    /* lanes the widest edge of each gap has to cross */
    for (const edge of edges) {
      const stops = this.stops(edge);
      for (let i = 1; i < stops.length; i++) {
        const [rank, a] = stops[i - 1], [, b] = stops[i];
        reach[rank] = Math.max(reach[rank], Math.abs(a - b));
      }
    }
    const gaps = this.gaps(reach, room);
    this.start = [0];
    for (let r = 1; r < ranks; r++) this.start.push(this.start[r - 1] + this.thick[r - 1] + gaps[r - 1]);
    this.length = this.start[ranks - 1] + this.thick[ranks - 1];
  }

  gaps(reach, room) {
    if (!this.right) return reach.map((d) => Math.min(32 + 14 * Math.sqrt(d), 84));
    const least = reach.map((d) => Math.min(18 + 7 * Math.sqrt(d), this.compact ? 30 : 40));
    const want = reach.map((d, i) => Math.max(0, 40 + 34 * Math.sqrt(d) - least[i]));
    const spare = Math.max(0, room - sum(this.thick) - sum(least)), share = Math.min(1, spare / (sum(want) || 1));
    return least.map((gap, i) => gap + want[i] * share);
  }

  measureLanes() {
    const { nodes, edges } = this.layout, lanes = [...nodes.map((n) => n.lane), ...edges.flatMap((e) => e.via.map((v) => v[1]))];
    this.dots = nodes.some((n) => n.dot);
    this.pitch = this.dots ? DOT_PITCH + (this.right ? 0 : 8) : (this.compact ? COMPACT_PITCH : PITCH)[this.direction];
    this.low = Math.min(...lanes);
    this.margin = this.right ? 14 : this.pitch / 2 - 5;
    this.breadth = (Math.max(...lanes) - this.low) * this.pitch + 2 * this.margin;
  }

  point(along, across) { return this.right ? [along, across] : [across, along]; }
  lane(lane) { return this.margin + (lane - this.low) * this.pitch; }
  centre(node) { return this.point(this.start[node.rank] + this.thick[node.rank] / 2, this.lane(node.lane)); }

  /* An edge as {path, arrow}: cubics that leave and arrive along the flow, straight where they pass a rank. */
  edge(edge) {
    const from = this.nodes.get(edge.from), to = this.nodes.get(edge.to), axis = this.right ? 0 : 1;
    const along = (n, sign) => this.start[n.rank] + this.thick[n.rank] / 2 + sign * this.size(n)[axis] / 2;
    const arrow = to.kind === 'op' || to.kind === 'output', tip = [along(to, -1), this.lane(to.lane)];
    const stops = [[along(from, 1), this.lane(from.lane)]];
    for (const [rank, lane] of edge.via) {
      stops.push([this.start[rank], this.lane(lane)], [this.start[rank] + this.thick[rank], this.lane(lane)]);
    }
    stops.push([tip[0] - (arrow ? ARROW : 0), tip[1]]);
    let path = `M${this.point(...stops[0])}`;
    for (let i = 1; i < stops.length; i++) {
      const [p, q] = [stops[i - 1], stops[i]], mid = (p[0] + q[0]) / 2;
      path += p[1] === q[1] ? `L${this.point(...q)}` : `C${this.point(mid, p[1])} ${this.point(mid, q[1])} ${this.point(...q)}`;
    }
    const wing = (side) => this.point(tip[0] - ARROW - 1, tip[1] + 3.5 * side);
    return { path, arrow: arrow ? `M${this.point(...tip)}L${wing(-1)}L${wing(1)}z` : null };
  }
}
