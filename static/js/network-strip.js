/* The stacked network: a radio group of its cells, and the chosen one drawn below it with its own shapes and costs. */
import { CellDiagram } from './cell-diagram.js';
import { costsOf } from './cell-figures.js';
import { mega, percent, thousands } from './dom.js';

const SPACE = '\u00a0';
const shape = (sizes) => sizes.join(`${SPACE}×${SPACE}`);

export class NetworkStrip {
  /* choose(index): what choosing a placement of the network does */
  constructor(section, network, layouts, choose) {
    Object.assign(this, { network, layouts, choose });
    this.strip = section.querySelector('#network-strip');
    this.expanded = section.querySelector('#expanded');
    this.button = section.querySelector('[data-expand]');
    this.strip.addEventListener('click', (event) => this.click(event));
    this.strip.addEventListener('keydown', (event) => this.key(event));
    this.button.addEventListener('click', () => this.expand(this.expanded.hidden));
  }

  get places() { return [...this.strip.querySelectorAll('[role="radio"]')]; }
  placeAt(event) { return event.target.closest('[role="radio"]'); }

  /* shows which placement is chosen */
  mark(index) {
    this.index = index;
    for (const part of this.places) {
      const on = Number(part.dataset.index) === index;
      part.setAttribute('aria-checked', on);
      part.setAttribute('tabindex', on ? '0' : '-1');
    }
    if (!this.expanded.hidden) this.draw();
  }

  click(event) {
    const place = this.placeAt(event);
    if (!place) return;
    const index = Number(place.dataset.index);
    if (index === this.index && event.detail > 1) this.expand(this.expanded.hidden);
    else this.choose(index);
    place.focus();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter') return this.expand(this.expanded.hidden);
    const { places } = this, at = places.indexOf(this.placeAt(event));
    const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: places.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (!places[next]) return;
    this.choose(Number(places[next].dataset.index));
    places[next].focus();
  }

  /* ---- the chosen cell in place */
  expand(on) {
    this.expanded.hidden = !on;
    this.button.setAttribute('aria-pressed', String(on));
    if (on) this.draw();
  }

  draw() {
    const place = this.network[this.index], total = this.network.reduce((sum, each) => sum + each.macs, 0);
    this.expanded.querySelector('h3').textContent = place.title[0].toUpperCase() + place.title.slice(1);
    const costs = `${thousands(place.params)} parameters, ${mega(place.macs)} MACs, ${percent(total ? place.macs / total : 0)} of the network’s`;
    this.expanded.querySelector('p').textContent = `${place.inputs.map(shape).join(' and ')} → ${shape(place.shape)}, ${place.filters} filters. ${costs}`;
    this.point();
    const label = `${place.title}, expanded`;
    if (this.diagram) this.diagram.setLayout(this.layouts[place.kind]);
    else this.diagram = new CellDiagram(this.expanded.querySelector('.canvas'), this.layouts[place.kind], { label });
    this.diagram.setLabel(label);
    this.diagram.setCosts(costsOf(place));
  }

  /* a notch that leads from the strip to the panel */
  point() {
    const x = this.strip.clientWidth * (this.index + 0.5) / this.network.length;
    this.expanded.querySelector('.notch path').setAttribute('d', `M${x - 8} 9L${x} 1L${x + 8} 9`);
  }
}
