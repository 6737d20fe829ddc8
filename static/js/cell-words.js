/* The parts of a cell in words: for labels, tables and the panel beside a diagram. Plain text, so h(i−1) has no subscript. */

/* a node as others speak of it: "h(i−1)", "block 2", "sep 3×3" */
export function nameOf(node) {
  if (!node) return '';
  if (node.kind === 'input') return node.name ?? (node.older ? 'hi−1' : 'hi');
  if (node.kind === 'op') return labelOf(node);
  if (node.kind === 'concat') return 'concat';
  if (node.kind === 'output') return 'hi+1';
  return node.block ? `block ${node.block}` : node.label ?? node.id;
}

export const labelOf = (node) => node.label ?? node.operation ?? node.id;

const join = (names) => names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');

/* a node in full; begins with what the drawing shows. inputs: the nodes it takes, in order */
export function describe(node, inputs = []) {
  const diff = node.diff && node.diff !== 'same' ? `, ${{ changed: 'changed', added: 'only in B', removed: 'only in A' }[node.diff]}` : '';
  return whole(node, inputs) + diff;
}

function whole(node, inputs) {
  const on = inputs.length ? ` on ${join(inputs.map(nameOf))}` : '';
  switch (node.kind) {
    case 'op': return `${node.was ? `${node.was} → ` : ''}${labelOf(node)}${on}${node.block ? `, block ${node.block} ${node.side ?? ''}`.trimEnd() : ''}`;
    case 'input': return node.name ?? (node.older ? 'hi−1, input: output of the cell before last' : 'hi, input: output of the last cell');
    case 'add': return node.block ? `${node.block}, sum of block ${node.block}’s two operations` : `sum${on}`;
    case 'cat': return node.block ? `${node.block}, concatenation of block ${node.block}’s two operations` : `concatenation${on}`;
    case 'concat': return 'concat: the listed states, stacked';
    default: return 'hi+1, output';
  }
}
