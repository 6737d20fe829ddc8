/* The panel beside the diagrams: what the node looked at is, turns into what, and costs; without one, the whole cell. */
import { GLYPHS, element } from './cell-parts.js';
import { labelOf, nameOf } from './cell-words.js';
import { h, mega, milliseconds, percent, thousands } from './dom.js';

const FAMILIES = {
  skip: 'identity', avg: 'average pooling', max: 'max pooling', conv: 'convolution', fact: 'factorized convolution',
  sep: 'separable convolution', inv: 'inverted bottleneck', dil: 'dilated convolution', none: 'none',
};
const SPACE = '\u00a0';
const shape = ([channels, height, width]) => [channels, height, width].join(`${SPACE}×${SPACE}`);
const glyph = (family) => element('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, element('path', { 'fill-rule': 'evenodd', d: GLYPHS[family] }));
const variable = (sub) => h('var', {}, 'h', h('sub', {}, sub));
const source = (node) => node?.kind === 'input' && !node.name ? variable(node.older ? 'i−1' : 'i') : nameOf(node);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const commas = (items) => items.flatMap((item, index) => index ? [', ', item] : [item]);

/* how each kind of node is explained: {heading, text, rows} */
const EXPLAIN = {
  op: (node, place, [, , input, output, stride], about, inputs) => ({
    heading: [h('span', { class: `cap op-${node.family}` }, glyph(node.family)), labelOf(node)],
    text: about?.about,
    rows: [
      about?.family && ['Kind', about.family], ...(node.options ?? []).filter(([name]) => name !== 'Stride'), node.block && ['Where', `block ${node.block}, ${node.side}`],
      ['Input', [...commas(inputs.map(source)), input && `, ${shape(input)}`]], output && ['Output', shape(output)], stride && ['Stride', stride],
    ],
  }),
  input: (node, place, [, macs, , output]) => {
    if (node.name) return { heading: node.name, text: 'What comes before.', rows: [output && ['Shape', shape(output)]] };
    const older = Boolean(node.older), given = place.inputs[older ? 0 : place.inputs.length - 1];
    return {
      heading: [source(node), h('span', { class: 'soft' }, 'input')],
      text: `Output of ${older ? 'the cell before last' : 'the last cell'}.${macs ? ' Brought to this cell’s size and filters first.' : ''}`,
      rows: [given && ['Given', shape(given)], output && ['Used as', shape(output)]],
    };
  },
  add: (node, place, [, , , output], about, inputs) => ({
    heading: ['add', h('span', { class: 'soft' }, node.block ? `block ${node.block}` : '')],
    text: node.block ? 'Sum of the block’s two operations.' : `Sum of ${inputs.length} maps.`, rows: [output && ['Output', shape(output)]],
  }),
  cat: (node, place, [, , , output]) => ({
    heading: ['concat', h('span', { class: 'soft' }, `block ${node.block}`)],
    text: 'Stacks the block’s two operations along the channels; a 1×1 convolution brings them back to the cell’s filters.', rows: [output && ['Output', shape(output)]],
  }),
  concat: (node, place, [, , , output], about, inputs) => ({
    heading: ['concat', h('span', { class: 'soft' }, 'output')],
    text: ['Stacks the listed states along the channels: the cell’s output, ', variable('i+1'), '.'],
    rows: [['States', commas(inputs.map(source))], output && ['Output', shape(output)]],
  }),
  output: (node, place) => node.name ? { heading: node.name, text: 'What comes next takes this as its input.', rows: [place.shape && ['Shape', shape(place.shape)]] } : ({
    heading: [variable('i+1'), h('span', { class: 'soft' }, 'output')], text: 'What the next two cells take as input.', rows: [place.shape && ['Shape', shape(place.shape)]],
  }),
};

const sum = (values) => Object.values(values).reduce((total, value) => total + value, 0);
const list = (rows) => h('dl', { class: 'kv' }, rows.filter(Boolean).map(([key, value]) => [h('dt', {}, key), h('dd', {}, value)]).flat());

export class Inspector {
  /* latency: {words, device} of the whole network, where it was measured; a place's own latency holds the milliseconds of its nodes, once
   * these were measured. A place that is bare has neither shapes nor costs: its
   * numbers stand in a table */
  constructor(host, operations, latency) { Object.assign(this, { host, operations, latency }); }

  show(diagram, place, node, pinned) {
    /* what is shown already stays: a button replaced between press and release is never clicked */
    const shown = [diagram.svg.getAttribute('aria-label'), place.title, node?.id, pinned].join('|');
    if (shown === this.shown) return false;
    this.shown = shown;
    this.host.classList.toggle('held', Boolean(pinned));       /* on a phone a held node opens a sheet */
    this.host.replaceChildren(...(node ? this.node(diagram, place, node, pinned) : this.cell(diagram, place)));
    return true;
  }

  /* shows anew what is shown, next time: what it says has changed */
  forget() { this.shown = null; }

  node(diagram, place, node, pinned) {
    const cost = place.nodes[node.id] ?? [0, 0], [params, macs] = cost;
    const inputs = diagram.before.get(node.id).map((id) => diagram.byId.get(id));
    const { heading, text, rows } = EXPLAIN[node.kind](node, place, cost, this.operations[node.operation], inputs);
    const share = place.macs ? macs / place.macs : 0, weight = place.params ? params / place.params : 0;
    const head = h('header', {}, h('h3', {}, heading), pinned === node.id && h('button', { type: 'button', class: 'btn sm', 'data-release': true }, 'Let go'));
    if (place.bare) return [head, h('p', { class: 'soft' }, text), list(rows)];
    rows.push(['Parameters', params ? [thousands(params), h('span', { class: 'muted' }, ` ${percent(weight)}`)] : '0'], ['MACs', macs ? mega(macs) : '0']);
    if (place.latency) rows.push(['Latency', this.timed(place, place.latency[node.id])]);
    return [
      head, h('p', { class: 'soft' }, text), list(rows),
      h('div', { class: 'share' }, h('p', {}, h('span', { class: 'muted' }, 'Share of this cell’s MACs'), h('b', { class: 'push' }, percent(share))),
        h('meter', { value: share, max: 1, 'aria-label': 'Share of this cell’s MACs' }, percent(share))),
    ];
  }

  /* a node's milliseconds and its share of the cell's */
  timed(place, ms) {
    if (ms === undefined) return h('span', { class: 'muted' }, 'none of its own');
    return [milliseconds(ms), h('span', { class: 'muted' }, ` ${percent(ms / sum(place.latency))}`)];
  }

  cell(diagram, place) {
    const by = new Map();
    for (const { family, id } of diagram.layout.nodes.filter((node) => node.kind === 'op')) {
      const entry = by.get(family) ?? { count: 0, macs: 0, ms: 0 };
      by.set(family, { count: entry.count + 1, macs: entry.macs + (place.nodes[id]?.[1] ?? 0), ms: entry.ms + (place.latency?.[id] ?? 0) });
    }
    const rows = [...by].sort((a, b) => b[1].macs - a[1].macs || b[1].count - a[1].count);
    const rest = place.macs - rows.reduce((sum, [, entry]) => sum + entry.macs, 0), share = (macs) => percent(place.macs ? macs / place.macs : 0);
    const whole = place.latency && sum(place.latency), timed = whole - rows.reduce((total, [, entry]) => total + entry.ms, 0);
    const row = (name, count, macs, ms) => h('tr', {}, h('td', {}, name), h('td', { class: 'num' }, count), h('td', { class: 'num' }, share(macs)), whole && h('td', { class: 'num' }, percent(ms / whole)));
    if (place.bare) return [h('header', {}, h('h3', {}, capital(place.title))), list(rows.map(([family, { count }]) => [h('span', { class: `op op-${family}` }, glyph(family), FAMILIES[family]), String(count)]))];
    return [
      h('header', {}, h('h3', {}, capital(place.title))),
      h('p', { class: 'soft' }, `${place.filters} filters, ${place.inputs.at(-1)[0]} channel${place.inputs.at(-1)[0] === 1 ? '' : 's'} in, ${place.shape[0]} out at ${place.shape[1]}${SPACE}×${SPACE}${place.shape[2]}.`),
      list([['Parameters', thousands(place.params)], ['MACs', mega(place.macs)], whole && ['Latency', [milliseconds(whole), h('span', { class: 'muted' }, ' this cell')]],
        this.latency && [whole ? '' : 'Latency', [this.latency.words, h('span', { class: 'muted' }, ' whole network')]]]),
      h('table', { class: 'table tight' },
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Operations'), h('th', { class: 'num', scope: 'col' }, 'Count'), h('th', { class: 'num', scope: 'col' }, 'MACs'), whole && h('th', { class: 'num', scope: 'col' }, 'Time'))),
        h('tbody', {}, rows.map(([family, { count, macs, ms }]) => row(h('span', { class: `op op-${family}` }, glyph(family), FAMILIES[family]), String(count), macs, ms)),
          row(h('span', { class: 'muted' }, 'fitting inputs and output'), '', rest, timed))),
    ];
  }
}
