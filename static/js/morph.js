/* Brings part of the page to the state of a fragment from the server, touching only what differs: what has the focus keeps it, open
 * details stay open, scrolled boxes stay where they are, and what the reader typed is left alone. */

/* <div data-keep> belongs to a script (a plot, a diagram): its attributes are updated, its children are not */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return undefined;
  }
  if (old.isEqualNode(fresh)) return undefined;
  attributes(old, fresh);
  if (!old.hasAttribute('data-keep')) children(old, fresh);
  return undefined;
}

const keyOf = (node) => node.id || node.dataset?.key || '';

function attributes(old, fresh) {
  const mine = ['DETAILS'].includes(old.nodeName) ? ['open'] : [];      /* states that belong to the reader */
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !mine.includes(name) && !kept(old, name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (!mine.includes(name) && !kept(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
}

/* a script's own marks on its element */
const kept = (element, name) => element.dataset.keep?.split(' ').includes(name) || (element.hasAttribute('data-keep') && /^(class|role|aria-label|style|data-(ready|drawn))$/.test(name));

/* children with a key are matched by it wherever they moved to; the rest by their kind, in order */
function children(old, fresh) {
  const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
  const staying = new Set([...fresh.children].map(keyOf));
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next), match = key ? keyed.get(key) : sameKind(here, next, staying);
    if (!match) {
      old.insertBefore(next, here);
      continue;
    }
    if (key && match !== here) old.insertBefore(match, here);
    else while (here !== match) here = removed(here);
    here = match.nextSibling;
    morph(match, next);
  }
  while (here) here = removed(here);
}

/* the next sibling without a key of the same kind, looking past everything but what stays under its key */
function sameKind(here, next, staying) {
  for (let at = here; at; at = at.nextSibling) {
    const key = keyOf(at);
    if (key && staying.has(key)) return null;
    if (!key && at.nodeName === next.nodeName) return at;
  }
  return null;
}

function removed(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

/* Applies an HTML fragment: each top-level element with an id replaces the page's element of that id. Scripts in it never run.
 * A focused element that had to be moved gets its focus back. */
export function apply(html) {
  const focused = document.activeElement;
  const fragment = new DOMParser().parseFromString(html, 'text/html');
  for (const fresh of [...fragment.body.children]) {
    const old = fresh.id && document.getElementById(fresh.id);
    if (old) morph(old, document.adoptNode(fresh));
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}
