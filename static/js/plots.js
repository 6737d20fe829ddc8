/* The only door to Plotly. A figure is what webapp/figures makes: {label, data, layout}, colours as "var:--token". */

const CONFIG = {
  displaylogo: false, responsive: true, displayModeBar: 'hover', showSendToCloud: false, plotlyServerURL: '', showTips: false,
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d', 'zoomIn2d', 'zoomOut2d'],
};
const drawn = new Map();                       /* element -> {figure, text}: what is shown, to redraw it in another theme */
const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) if (drawn.get(target)?.width !== target.clientWidth) resize(target);
});

let loading;
function plotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);         /* an exported file has it within itself */
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = document.getElementById('plotly-script').content;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error('The plots could not be loaded from this server.'));
    document.head.append(script);
  });
  return loading;
}

/* tokens: a probe element knows what light-dark() and var() come to in this theme */
function resolver() {
  const probe = document.createElement('span'), root = getComputedStyle(document.documentElement), known = new Map();
  probe.hidden = true;
  document.body.append(probe);
  const colour = (token, opacity) => {
    probe.style.color = '';
    probe.style.color = `var(${token})`;
    const [r, g, b] = channels(getComputedStyle(probe).color);
    return opacity === undefined ? `rgb(${r},${g},${b})` : `rgba(${r},${g},${b},${opacity})`;
  };
  const value = (text) => {
    if (!known.has(text)) {
      const [token, opacity] = text.slice(4).split('/');
      known.set(text, ['--sans', '--mono'].includes(token) ? root.getPropertyValue(token).trim() : colour(token, opacity));
    }
    return known.get(text);
  };
  return { value, done: () => probe.remove() };
}
const channels = (rgb) => rgb.match(/[\d.]+/g).slice(0, 3).map(Number);

/* a deep copy with every token resolved; Plotly keeps and changes what it is given */
export function resolved(thing, value) {
  if (typeof thing === 'string') return thing.startsWith('var:') ? value(thing) : thing;
  if (Array.isArray(thing)) return thing.map((one) => resolved(one, value));
  if (thing && typeof thing === 'object') return Object.fromEntries(Object.entries(thing).map(([k, v]) => [k, resolved(v, value)]));
  return thing;
}

async function paint(element) {
  const entry = drawn.get(element), tokens = resolver(), { data, layout } = resolved(entry.figure, tokens.value);
  tokens.done();
  if (matchMedia('(pointer: coarse)').matches) layout.dragmode = false;          /* a finger scrolls the page, not the plot */
  entry.width = element.clientWidth;
  await (await plotly()).react(element, data, { autosize: true, ...layout }, CONFIG);
  element.dataset.drawn = '';
}

/* Draws the figure in the element, or brings what is drawn there up to date without flicker. */
export async function draw(element, figure) {
  const text = JSON.stringify(figure);
  if (drawn.get(element)?.text === text) return;
  const first = !drawn.has(element);
  drawn.set(element, { figure, text });
  element.setAttribute('role', 'figure');
  element.setAttribute('aria-label', figure.label);
  try {
    await paint(element);
    if (first) observer.observe(element);
  } catch (error) {
    drawn.delete(element);
    element.textContent = error.message;
  }
}

/* Resolves to a data URL of the plot as it is shown: format "png" or "svg". */
export async function toImage(element, format = 'svg') {
  return (await plotly()).toImage(element, { format, width: element.clientWidth, height: element.clientHeight });
}

/* Calls back with the id (customdata) of the point under the pointer, then with null. Call after draw. */
export function onPoint(element, callback) {
  element.on('plotly_hover', (event) => callback(event.points[0]?.customdata ?? null));
  element.on('plotly_unhover', () => callback(null));
}

/* Calls back with {x: [low, high], y: [low, high]} once the reader has dragged a box over the plot. Call after draw. */
export function onSelection(element, callback) {
  element.on('plotly_selected', (event) => {
    const sorted = (pair) => [...pair].sort((a, b) => a - b);
    if (event?.range) callback({ x: sorted(event.range.x), y: sorted(event.range.y) });
  });
}

/* Shows the hover label of the point with this id (customdata); null, or an id that is not drawn, takes it away. */
export async function showPoint(element, id) {
  const { Fx } = await plotly(), found = [];
  if (id !== null) element.data.forEach((trace, curveNumber) => {
    const pointNumber = trace.customdata?.indexOf(id) ?? -1;
    if (pointNumber >= 0) found.push({ curveNumber, pointNumber });
  });
  if (found.length) Fx.hover(element, found); else Fx.unhover(element);
}

/* Draws every <div class="plot" data-figure="id"> from its <script type="application/json" id="id">. */
export async function drawAll(root = document) {
  await Promise.all([...root.querySelectorAll('[data-figure]')].map((element) => {
    const source = document.getElementById(element.dataset.figure);
    return source && draw(element, JSON.parse(source.textContent));
  }));
}

async function resize(element) {
  if (!element.isConnected) return forget(element);
  if (!element.clientWidth) return;
  drawn.get(element).width = element.clientWidth;
  (await plotly()).Plots.resize(element);
}

function forget(element) {
  observer.unobserve(element);
  drawn.delete(element);
  window.Plotly?.purge(element);
}

function repaint() {
  for (const element of [...drawn.keys()]) if (element.isConnected) paint(element); else forget(element);
}
new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
