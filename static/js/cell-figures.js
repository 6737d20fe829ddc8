/* The drawings of one architecture's cells: which are shown, how they are arranged, and the explorer alone in the window. */
import { CellDiagram } from './cell-diagram.js';

/* what a diagram shows of a placed cell's costs */
export function costsOf(place) {
  return Object.fromEntries(Object.entries(place.nodes).map(([id, [, macs, , shape]]) => [id, { share: place.macs ? macs / place.macs : 0, channels: shape?.[0] }]));
}

export class CellFigures {
  /* layouts: {kind: layout}; each kind has a [data-cell] with a .canvas in the explorer */
  constructor(explorer, layouts) {
    Object.assign(this, { explorer, kinds: Object.keys(layouts), shown: 'both', direction: 'right', body: explorer.querySelector('.cells') });
    this.diagrams = Object.fromEntries(this.kinds.map((kind) => {
      const host = this.figure(kind).querySelector('.canvas');
      return [kind, new CellDiagram(host, layouts[kind], { label: host.dataset.label })];
    }));
    explorer.addEventListener('click', ({ target }) => this.command(target.closest('[data-show], [data-direction], [data-fill], [data-release]')));
    document.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.arrange()).observe(this.body);
    this.arrange();
  }

  get all() { return Object.values(this.diagrams); }
  figure(kind) { return this.explorer.querySelector(`[data-cell="${kind}"]`); }
  kindOf(diagram) { return this.kinds.find((kind) => this.diagrams[kind] === diagram); }
  release(but) { for (const kind of this.kinds) if (kind !== but) this.diagrams[kind].release(); }

  command(button) {
    if (!button) return;
    const { show, direction, fill, release } = button.dataset;
    if (release !== undefined) return this.release();
    if (fill !== undefined) return this.fill(!this.filling);
    if (show) this.shown = show;
    if (direction) {
      this.direction = direction;
      for (const diagram of this.all) diagram.setDirection(direction);
    }
    this.arrange();
  }

  /* side by side while both fit with their names in full, one above the other otherwise */
  arrange() {
    for (const kind of this.kinds) this.figure(kind).hidden = this.shown !== 'both' && this.shown !== kind;
    const widths = this.kinds.map((kind) => this.diagrams[kind].fullWidth), shares = [9 / 20, 11 / 20];
    const crowded = this.direction === 'right' && widths.some((width, at) => this.body.clientWidth * shares[at] < width);
    this.body.classList.toggle('stacked', this.kinds.length !== 2 || this.direction === 'down' || crowded);
  }

  /* ---- the explorer alone in the window; the rest of the page is out of reach meanwhile */
  get filling() { return this.explorer.classList.contains('filling'); }

  fill(on) {
    const button = this.explorer.querySelector('[data-fill]');
    this.explorer.classList.toggle('filling', on);
    button.setAttribute('aria-pressed', String(on));
    for (const other of [...this.explorer.parentElement.children, document.querySelector('header.bar'), document.querySelector('.foot')]) {
      if (other && other !== this.explorer) other.inert = on;
    }
    for (const diagram of this.all) diagram.setFilling(on);
    this.arrange();
    if (!on) button.focus();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, textarea, select, dialog')) return;
    if (event.key === 'f' && this.explorer.querySelector('[data-fill]')) this.fill(!this.filling);
    if (event.key === 'Escape' && this.filling && !event.defaultPrevented && !this.all.some((diagram) => diagram.pinned)) this.fill(false);
  }
}
