// Makes elements. Whatever was captured reaches the page through `textContent` only; nothing here takes markup.

const SVG = 'http://www.w3.org/2000/svg';

/// `h('p.note', { title: 'x', on: { click } }, 'text', child, null)`; a null child is left out.
export function h(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  set(element, properties);
  append(element, children);
  return element;
}

/// The same for SVG.
export function svg(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElementNS(SVG, tag);
  if (classes.length) element.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  append(element, children);
  return element;
}

const AS_PROPERTY = new Set([
  'value',
  'checked',
  'disabled',
  'hidden',
  'open',
  'selected',
  'tabIndex',
  'indeterminate',
]);

function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, does] of Object.entries(value)) element.addEventListener(event, does);
    else if (name === 'vars') for (const [key, as] of Object.entries(value)) element.style.setProperty(key, as);
    else if (AS_PROPERTY.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/// Gives `parent` other children, and the focus back to whom it was taken from (by `data-keep`).
export function swap(parent, ...children) {
  const held = parent.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
  parent.replaceChildren();
  append(parent, children);
  if (held) parent.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

/// Control characters, and those that turn the direction of text, are shown instead of obeyed.
export function visible(text) {
  return String(text)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => `⟦U+${c.charCodeAt(0).toString(16).toUpperCase()}⟧`);
}

/// Text that somebody else wrote, alone in its direction.
export function foreign(text, selector = 'bdi') {
  return h(selector, {}, visible(text));
}

/// The beginning of a text, in whole characters.
export function cut(text, most) {
  if (text.length <= most) return text;
  const end = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800 ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

/// `fn`, at most once a frame.
export function eachFrame(fn) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    // A page in the background has no frames; its list goes on all the same.
    const run = () => {
      if (asked) {
        asked = false;
        fn();
      }
    };
    requestAnimationFrame(run);
    setTimeout(run, 250);
  };
}

/// Puts a text on the clipboard. Gives whether that went well.
export async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h('textarea.off-screen', { value: text, 'aria-hidden': 'true', tabIndex: -1 });
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/// A list of many lines, of which only those in sight exist. `fill(node, line, index)` fills a node; the same key keeps
/// its node, so that a click is not lost when a line changes under the mouse.
export class Virtual {
  constructor(box, { height, key, fill, className = 'line', tag = 'div' }) {
    Object.assign(this, { box, height, key, fill, className, tag });
    this.sizer = h('div.sizer', { role: 'none' });
    box.append(this.sizer);
    this.lines = [];
    this.nodes = new Map();
    this.draw = eachFrame(() => this.drawNow());
    box.addEventListener('scroll', this.draw, { passive: true });
    new ResizeObserver(this.draw).observe(box);
  }

  /// Other lines. What is in sight stays in sight, unless it is the top.
  show(lines) {
    const top = this.box.scrollTop;
    if (top > this.height && this.lines.length) {
      const first = Math.floor(top / this.height);
      const anchor = this.lines[first] && this.key(this.lines[first]);
      const now = lines.findIndex((line) => this.key(line) === anchor);
      this.lines = lines;
      this.resize();
      if (now >= 0 && now !== first) this.box.scrollTop = top + (now - first) * this.height;
    } else {
      this.lines = lines;
      this.resize();
    }
    this.draw();
  }

  resize() {
    this.sizer.style.setProperty('height', `${this.lines.length * this.height}px`);
  }

  drawNow() {
    const { scrollTop, clientHeight } = this.box;
    const from = Math.max(0, Math.floor(scrollTop / this.height) - 6);
    const until = Math.min(this.lines.length, Math.ceil((scrollTop + clientHeight) / this.height) + 6);
    const kept = new Map();
    for (let index = from; index < until; index += 1) {
      const key = this.key(this.lines[index]);
      const node = this.nodes.get(key) ?? h(`${this.tag}.${this.className}`);
      node.style.setProperty('top', `${index * this.height}px`);
      this.fill(node, this.lines[index], index);
      kept.set(key, node);
    }
    for (const [key, node] of this.nodes) if (!kept.has(key)) node.remove();
    // In the order of the lines, for whoever reads the page without seeing it.
    let before = null;
    for (const node of kept.values()) {
      const next = before ? before.nextSibling : this.sizer.firstChild;
      if (next !== node) this.sizer.insertBefore(node, next);
      before = node;
    }
    this.nodes = kept;
  }

  reveal(index) {
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.box.scrollTop = top + this.height - clientHeight;
    this.drawNow();
  }
}
