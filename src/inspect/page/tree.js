// JSON as a tree. A node's children are made when it is opened, and searching goes through the values, not the page, so
// that a body of some megabytes stays fluid.

import { cut, h, visible } from './dom.js';
import { button, copyButton } from './parts.js';
import { number, say } from './words.js';

/// Children that are made at once; more on demand.
const CHUNK = 200;
/// Characters of a string on its line; a longer one can be opened.
const LINE = 160;
/// Nodes that "expand all" opens at most.
const MOST_OPEN = 3000;
const MOST_HITS = 1000;

/// The tree with its tools.
export function jsonTree(value, { depth = 1, tools = true, label = say('json_tree'), root = '' } = {}) {
  const tree = new Tree(value, depth, label, root);
  if (!tools) return tree.list;
  return h('div.json', {}, tree.toolbar(), tree.list);
}

class Tree {
  constructor(value, depth, label, root) {
    this.path = h('code.path', {}, root || '$');
    this.rootName = root;
    this.list = h('ul.tree', { role: 'tree', 'aria-label': label });
    this.root = new Node(this, null, root || '$', value, 1, 1, 1);
    this.list.append(this.root.element);
    this.current = null;
    this.select(this.root, false);
    this.root.openTo(depth);
    this.list.addEventListener('click', (event) => this.click(event));
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.hits = { needle: '', paths: [], at: -1 };
  }

  toolbar() {
    const found = h('span.count', { role: 'status' });
    const search = h('input', {
      type: 'search',
      placeholder: say('find_in_tree'),
      'aria-label': say('find_in_tree'),
      'data-keep': 'find-in-tree',
    });
    const next = (step) => {
      const { paths, at } = this.find(search.value, step);
      found.textContent =
        search.value === ''
          ? ''
          : paths.length
            ? say('hit_of', { n: at + 1, all: paths.length })
            : say('n_hits', { n: 0 });
    };
    search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') next(event.shiftKey ? -1 : 1);
    });
    const note = h('span.count', { role: 'status' });
    return h(
      'div.tools',
      {},
      button(
        say('expand_all'),
        () => {
          const all = this.root.openAll();
          note.textContent = all ? '' : say('too_many', { n: MOST_OPEN });
        },
        { className: 'quiet' },
      ),
      button(
        say('collapse_all'),
        () => {
          this.root.closeAll();
          this.select(this.root, false);
        },
        { className: 'quiet' },
      ),
      search,
      button(say('find_next'), () => next(1), { className: 'quiet' }),
      found,
      note,
      h('span.grow'),
      this.path,
      copyButton(() => this.current.pathText(), say('copy_path')),
      copyButton(() => textOf(this.current.value), say('copy_value')),
    );
  }

  select(node, focus = true) {
    if (this.current) {
      this.current.element.tabIndex = -1;
      this.current.element.setAttribute('aria-selected', 'false');
    }
    this.current = node;
    node.element.tabIndex = 0;
    node.element.setAttribute('aria-selected', 'true');
    this.path.textContent = visible(cut(node.pathText(), 120));
    if (focus) node.element.focus({ preventScroll: false });
  }

  click(event) {
    const node = Node.at(event.target);
    if (!node || event.target.closest('.whole')) return;
    this.select(node);
    node.toggle();
  }

  key(event) {
    const node = this.current;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = {
      ArrowDown: () => this.step(1),
      ArrowUp: () => this.step(-1),
      ArrowRight: () => (node.isOpen ? this.step(1) : node.open()),
      ArrowLeft: () => (node.isOpen ? node.close() : node.parent && this.select(node.parent)),
      Home: () => this.select(this.root),
      Enter: () => node.toggle(),
      ' ': () => node.toggle(),
      '*': () => node.parent?.children().forEach((one) => one.open()),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  step(by) {
    const all = [...this.list.querySelectorAll('[role=treeitem]')].filter((element) => !element.closest('[hidden]'));
    const to = all[all.indexOf(this.current.element) + by];
    if (to) this.select(Node.at(to));
  }

  /// The next place where `needle` is in a key or a value.
  find(needle, step) {
    if (needle !== this.hits.needle)
      this.hits = {
        needle,
        paths: needle ? pathsOf(this.root.value, needle.toLowerCase()) : [],
        at: step > 0 ? -1 : 0,
      };
    const { paths } = this.hits;
    if (paths.length) {
      this.hits.at = (this.hits.at + step + paths.length) % paths.length;
      let node = this.root;
      for (const key of paths[this.hits.at]) node = node.child(key);
      this.select(node, false);
      node.element.scrollIntoView({ block: 'nearest' });
    }
    return this.hits;
  }
}

const NODES = new WeakMap();

class Node {
  constructor(tree, parent, key, value, level, place, of) {
    Object.assign(this, { tree, parent, key, value, level, isOpen: false, made: 0, known: new Map(), group: null });
    this.element = h(
      'li',
      {
        role: 'treeitem',
        'aria-level': level,
        'aria-posinset': place,
        'aria-setsize': of,
        'aria-selected': 'false',
        tabIndex: -1,
        'aria-expanded': this.canOpen() ? 'false' : null,
      },
      this.line(),
    );
    NODES.set(this.element, this);
  }

  static at(target) {
    const element = target.closest('[role=treeitem]');
    return element ? (NODES.get(element) ?? NODES.get(element.parentElement.closest('[role=treeitem]'))) : null;
  }

  entries() {
    this.list ??= Array.isArray(this.value) ? null : Object.keys(this.value);
    return this.list;
  }

  count() {
    return Array.isArray(this.value) ? this.value.length : this.entries().length;
  }

  keyAt(index) {
    return Array.isArray(this.value) ? index : this.entries()[index];
  }

  isBranch() {
    return this.value !== null && typeof this.value === 'object';
  }

  canOpen() {
    return this.isBranch() ? this.count() > 0 : typeof this.value === 'string' && this.value.length > LINE;
  }

  line() {
    const index = this.parent && Array.isArray(this.parent.value);
    return h(
      'div.row',
      {},
      h('span.twist', { 'aria-hidden': 'true' }),
      h(`span.${index ? 'index' : 'key'}`, {}, visible(cut(String(this.key), 120))),
      ': ',
      this.short(),
    );
  }

  short() {
    const { value } = this;
    if (Array.isArray(value)) return h('span.sum', {}, `[${number(value.length)}]`, hintOf(value));
    if (this.isBranch()) return h('span.sum', {}, `{${number(this.count())}}`, hintOf(value));
    if (typeof value === 'string')
      return h(
        'span.string',
        {},
        visible(JSON.stringify(cut(value, LINE))),
        value.length > LINE ? h('span.sum', {}, ` ${number(value.length)}`) : null,
      );
    return h(`span.${value === null ? 'null' : typeof value}`, {}, String(value));
  }

  open() {
    if (this.isOpen || !this.canOpen()) return;
    this.isOpen = true;
    this.element.setAttribute('aria-expanded', 'true');
    if (this.group) {
      this.group.hidden = false;
      return;
    }
    if (this.isBranch()) {
      this.group = h('ul', { role: 'group' });
      this.element.append(this.group);
      this.more();
    } else {
      this.group = h('pre.whole', { dir: 'auto' }, visible(this.value.slice(0, 1_000_000)));
      this.element.append(this.group);
    }
  }

  /// The next children.
  more(upTo = this.made + CHUNK) {
    this.moreLine?.remove();
    const all = this.count();
    const until = Math.min(all, upTo);
    for (; this.made < until; this.made += 1) {
      const key = this.keyAt(this.made);
      const child = new Node(this.tree, this, key, this.value[key], this.level + 1, this.made + 1, all);
      this.known.set(key, child);
      this.group.append(child.element);
    }
    if (this.made < all) {
      this.moreLine = h(
        'li.more',
        { role: 'none' },
        button(say('show_more', { size: number(all - this.made) }), () => this.more(), { className: 'quiet' }),
      );
      this.group.append(this.moreLine);
    }
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.element.setAttribute('aria-expanded', 'false');
    this.group.hidden = true;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  children() {
    return [...this.known.values()];
  }

  child(key) {
    this.open();
    if (!this.known.has(key)) this.more((Array.isArray(this.value) ? key : this.entries().indexOf(key)) + 1);
    return this.known.get(key);
  }

  openTo(depth) {
    if (depth <= 0 || !this.isBranch()) return;
    this.open();
    for (const child of this.children()) child.openTo(depth - 1);
  }

  /// All branches below, level by level. Gives whether it got through.
  openAll() {
    let many = 0;
    let level = [this];
    while (level.length) {
      const next = [];
      for (const node of level) {
        if (!node.isBranch()) continue;
        if ((many += node.count()) > MOST_OPEN) return false;
        node.open();
        next.push(...node.children());
      }
      level = next;
    }
    return true;
  }

  /// All below; this one stays open.
  closeAll() {
    const below = this.children();
    while (below.length) {
      const node = below.pop();
      node.close();
      below.push(...node.children());
    }
  }

  pathText() {
    if (!this.parent) return this.tree.rootName;
    const before = this.parent.pathText();
    if (typeof this.key === 'number') return `${before}[${this.key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(this.key)
      ? before
        ? `${before}.${this.key}`
        : this.key
      : `${before}[${JSON.stringify(this.key)}]`;
  }
}

/// What a closed node is, by its most telling field.
function hintOf(value) {
  if (Array.isArray(value)) return null;
  const words = ['type', 'role', 'name']
    .map((key) => value[key])
    .filter((word) => typeof word === 'string' && word.length < 60);
  return words.length ? h('span.hint', {}, ` ${visible(words.join(' · '))}`) : null;
}

function textOf(value) {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

function pathsOf(root, needle) {
  const found = [];
  const open = [[root, []]];
  while (open.length && found.length < MOST_HITS) {
    const [value, path] = open.pop();
    const isBranch = value !== null && typeof value === 'object';
    const key = path.length ? String(path[path.length - 1]) : '';
    if (key.toLowerCase().includes(needle) || (!isBranch && String(value).toLowerCase().includes(needle)))
      found.push(path);
    if (!isBranch) continue;
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    for (const one of keys.reverse()) open.push([value[one], [...path, one]]);
  }
  return found;
}
