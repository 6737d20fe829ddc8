/* The panel beside the diagrams: what the node looked at is, turns into what, and costs; without one, the whole cell. */
import { GLYPHS, element } from './cell-parts.js';
import { h, mega, percent, thousands } from './dom.js';

const FAMILIES = {
  skip: 'identity', avg: 'average pooling', max: 'max pooling', conv: 'convolution', fact: 'factorized convolution',
  sep: 'separable convolution', dil: 'dilated convolution', none: 'none',
};
const SPACE = '\u00a0';
const shape = ([channels, height, width]) => [channels, height, width].join(`${SPACE}×${SPACE}`);
const glyph = (family) => element('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, element('path', { 'fill-rule': 'evenodd', d: GLYPHS[family] }));
const state = (id) => h('var', {}, 'h', h('sub', {}, id === 's0' ? 'i−1' : id === 's1' ? 'i' : 'i+1'));
const source = (id) => id === 's0' || id === 's1' ? state(id) : `block ${Number(id.slice(1)) - 1}`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const stateWord = (id) => id === 's0' ? 'h(i−1)' : id === 's1' ? 'h(i)' : `block ${Number(id.slice(1)) - 1}`;

/* how each kind of node is explained: {heading, text, rows} */
const EXPLAIN = {
  op: (node, place, [, , input, output, stride], about) => ({
    heading: [h('span', { class: `cap op-${node.family}` }, glyph(node.family)), node.label],
    text: about.about,
    rows: [['Kind', about.family], ['Where', `block ${node.block}, ${node.side}`], ['Input', [source(node.from), `, ${shape(input)}`]], ['Output', shape(output)], ['Stride', stride]],
  }),
  input: (node, place, [, macs, , output]) => {
    const older = node.id === 's0';
    return {
      heading: [state(node.id), h('span', { class: 'soft' }, 'input')],
      text: `Output of ${older ? 'the cell before last' : 'the last cell'}.${macs ? ' Brought to this cell’s size and filters first.' : ''}`,
      rows: [['Given', shape(place.inputs[older ? 0 : 1])], ['Used as', shape(output)]],
    };
  },
  add: (node, place, [, , , output]) => ({
    heading: ['add', h('span', { class: 'soft' }, `block ${node.block}`)], text: 'Sum of the block’s two operations.', rows: [['Output', shape(output)]],
  }),
  cat: (node, place, [, , , output]) => ({
    heading: ['concat', h('span', { class: 'soft' }, `block ${node.block}`)],
    text: 'Stacks the block’s two operations along the channels; a 1×1 convolution brings them back to the cell’s filters.', rows: [['Output', shape(output)]],
  }),
  concat: (node, place, [, , , output], about, inputs) => ({
    heading: ['concat', h('span', { class: 'soft' }, 'output')],
    text: ['Stacks the listed states along the channels: the cell’s output, ', state('out'), '.'],
    rows: [['States', inputs.map(stateWord).join(', ')], ['Output', shape(output)]],
  }),
  output: (node, place) => ({
    heading: [state('out'), h('span', { class: 'soft' }, 'output')], text: 'What the next two cells take as input.', rows: [['Shape', shape(place.shape)]],
  }),
};

const list = (rows) => h('dl', { class: 'kv' }, rows.map(([key, value]) => [h('dt', {}, key), h('dd', {}, value)]).flat());

export class Inspector {
  constructor(host, operations) { Object.assign(this, { host, operations }); }

  show(diagram, place, node, pinned) {
    /* what is shown already stays: a button replaced between press and release is never clicked */
    const shown = [diagram.svg.getAttribute('aria-label'), place.title, node?.id, pinned].join('|');
    if (shown === this.shown) return;
    this.shown = shown;
    this.host.classList.toggle('held', Boolean(pinned));       /* on a phone a held node opens a sheet */
    this.host.replaceChildren(...(node ? this.node(diagram, place, node, pinned) : this.cell(diagram, place)));
  }

  node(diagram, place, node, pinned) {
    const cost = place.nodes[node.id] ?? [0, 0, place.shape, place.shape, 1], [params, macs] = cost;
    const inputs = diagram.layout.edges.filter((edge) => edge.to === node.id).map((edge) => edge.from);
    const { heading, text, rows } = EXPLAIN[node.kind](node, place, cost, this.operations[node.operation], inputs);
    const share = place.macs ? macs / place.macs : 0;
    rows.push(['Parameters', thousands(params)], ['MACs', macs ? mega(macs) : '0']);
    return [
      h('header', {}, h('h3', {}, heading), pinned === node.id && h('button', { type: 'button', class: 'btn sm', 'data-release': true }, 'Let go')),
      h('p', { class: 'soft' }, text), list(rows),
      h('div', { class: 'share' }, h('p', {}, h('span', { class: 'muted' }, 'Share of this cell’s MACs'), h('b', { class: 'push' }, percent(share))),
        h('meter', { value: share, max: 1, 'aria-label': 'Share of this cell’s MACs' }, percent(share))),
    ];
  }

  cell(diagram, place) {
    const by = new Map();
    for (const { family, id } of diagram.layout.nodes.filter((node) => node.kind === 'op')) {
      const entry = by.get(family) ?? { count: 0, macs: 0 };
      by.set(family, { count: entry.count + 1, macs: entry.macs + (place.nodes[id]?.[1] ?? 0) });
    }
    const rows = [...by].sort((a, b) => b[1].macs - a[1].macs || b[1].count - a[1].count);
    const rest = place.macs - rows.reduce((sum, [, entry]) => sum + entry.macs, 0), share = (macs) => percent(place.macs ? macs / place.macs : 0);
    const row = (name, count, macs) => h('tr', {}, h('td', {}, name), h('td', { class: 'num' }, count), h('td', { class: 'num' }, share(macs)));
    return [
      h('header', {}, h('h3', {}, capital(place.title))),
      h('p', { class: 'soft' }, `${place.filters} filters, ${place.inputs.at(-1)[0]} channels in, ${place.shape[0]} out at ${place.shape[1]}${SPACE}×${SPACE}${place.shape[2]}.`),
      list([['Parameters', thousands(place.params)], ['MACs', mega(place.macs)]]),
      h('table', { class: 'table' },
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Operations'), h('th', { class: 'num', scope: 'col' }, 'Count'), h('th', { class: 'num', scope: 'col' }, 'MACs'))),
        h('tbody', {}, rows.map(([family, { count, macs }]) => row(h('span', { class: `op op-${family}` }, glyph(family), FAMILIES[family]), String(count), macs)),
          row(h('span', { class: 'muted' }, 'fitting inputs and output'), '', rest))),
    ];
  }
}
