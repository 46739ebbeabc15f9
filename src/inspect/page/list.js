// The left side: sessions, their turns, their calls; agents below the turn that started them; probes in one line.
// Only the lines in sight are on the page.

import { cut, h, visible, Virtual } from './dom.js';
import { badge, dotted, iconButton } from './parts.js';
import { moment, number, say, sayOr, short, size, span } from './words.js';
import { isBad, isOver, mayWrite, state } from './state.js';

const LINE_HEIGHT = 46;

/// The tree as it is now, as lines. Built anew whenever rows change: ten thousand take some milliseconds.
export function linesOf() {
  const nodes = state.found
    ? state.found.ids
        .map((id) => state.rows.get(id))
        .filter(Boolean)
        .map((row) => callNode(row, true))
    : state.grouped
      ? sessionNodes()
      : flatNodes(rowsInOrder());
  const lines = [];
  flatten(nodes, 1, null, lines);
  return lines;
}

function rowsInOrder() {
  return state.order.map((id) => state.rows.get(id));
}

function flatten(nodes, level, parent, lines) {
  nodes.forEach((node, index) => {
    const line = { ...node, level, parent, place: index + 1, of: nodes.length };
    if (node.children) line.open = isOpen(node);
    lines.push(line);
    if (line.open) flatten(node.children(), level + 1, node.key, lines);
  });
}

function isOpen(node) {
  return state.turned.get(node.key) ?? node.habit;
}

/// Sessions that were the newest once stay open, so that nothing folds under somebody's eyes.
const wereNewest = new Set();

function sessionNodes() {
  const bySession = new Map();
  for (const row of rowsInOrder()) {
    const rows = bySession.get(row.session);
    if (rows) rows.push(row);
    else bySession.set(row.session, [row]);
  }
  // A session that is known by name only: its rows are further back.
  for (const info of [...state.sessions.values()].sort((a, b) => b.last_ms - a.last_ms)) {
    if (!bySession.has(info.key) && info.exchanges > 0) bySession.set(info.key, []);
  }
  const selected = state.rows.get(state.selected)?.session;
  return [...bySession].map(([key, rows], index) => {
    if (index === 0 || key === selected) wereNewest.add(key);
    return {
      kind: 'session',
      key: `session ${key}`,
      session: key,
      rows,
      habit: wereNewest.has(key),
      children: () => turnNodes(key, rows),
    };
  });
}

/// What a session holds, the newest first.
function turnNodes(session, rows) {
  const probes = rows.filter((row) => row.probe);
  const turns = new Map();
  for (const row of rows) {
    if (row.probe) continue;
    const turn = turnOf(row, rows);
    const key = turn ?? `alone ${row.id}`;
    if (turns.has(key)) turns.get(key).push(row);
    else turns.set(key, [row]);
  }
  const count = turns.size;
  const nodes = [...turns].map(([key, calls], index) => {
    if (calls.length === 1) return callNode(calls[0], true);
    const first =
      calls.findLast(
        (row) => !row.thread.parent_thread_id && row.thread.kind !== 'compaction' && row.thread.kind !== 'title',
      ) ?? calls[calls.length - 1];
    return {
      kind: 'turn',
      key: `turn ${session} ${key}`,
      rows: calls,
      first,
      number: count - index,
      habit: true,
      children: () => callNodes(session, key, calls),
    };
  });
  if (probes.length) nodes.push(probesNode(session, probes));
  return nodes;
}

/// The turn to which a call belongs: that of the thread which began it all.
function turnOf(row, rows) {
  const { thread } = row;
  if (thread.root_turn_id) return thread.root_turn_id;
  if (!thread.parent_thread_id) return thread.turn_id;
  const parent = rows.find((one) => one.thread.thread_id === thread.parent_thread_id && one.begun_ms <= row.begun_ms);
  return parent && parent !== row
    ? turnOf(
        parent,
        rows.filter((one) => one !== row),
      )
    : thread.turn_id;
}

/// The calls of a turn, those of agents below their thread.
function callNodes(session, turn, rows) {
  const threads = new Set(rows.map((row) => row.thread.thread_id));
  const isChild = (row) =>
    row.thread.parent_thread_id &&
    threads.has(row.thread.parent_thread_id) &&
    row.thread.parent_thread_id !== row.thread.thread_id;
  const nodesOf = (parent) => {
    const nodes = [];
    const agents = new Map();
    for (const row of rows) {
      const belongs = parent === null ? !isChild(row) : row.thread.thread_id === parent;
      if (belongs) nodes.push(callNode(row, false));
      else if (
        isChild(row) &&
        (parent === null ? !isChildThread(row.thread.parent_thread_id) : row.thread.parent_thread_id === parent)
      ) {
        const id = row.thread.thread_id;
        if (agents.has(id)) agents.get(id).rows.push(row);
        else {
          const agent = {
            kind: 'agent',
            key: `agent ${session} ${turn} ${id}`,
            rows: [row],
            habit: true,
            children: () => nodesOf(id),
          };
          agents.set(id, agent);
          nodes.push(agent);
        }
      }
    }
    return nodes;
  };
  const isChildThread = (id) => rows.some((row) => row.thread.thread_id === id && isChild(row));
  return nodesOf(null);
}

function probesNode(session, rows) {
  return {
    kind: 'probes',
    key: `probes ${session} ${rows[rows.length - 1].id}`,
    rows,
    habit: false,
    children: () => rows.map((row) => callNode(row, false)),
  };
}

/// All calls by time; probes that follow each other are one line.
function flatNodes(rows) {
  const nodes = [];
  for (let at = 0; at < rows.length; at += 1) {
    let until = at;
    while (until < rows.length && rows[until].probe) until += 1;
    if (until - at > 1) {
      nodes.push(probesNode('', rows.slice(at, until)));
      at = until - 1;
    } else nodes.push(callNode(rows[at], true));
  }
  return nodes;
}

function callNode(row, alone) {
  return { kind: 'call', key: row.id, row, alone };
}

/// The list on the page.
export class List {
  constructor(box, actions) {
    this.box = box;
    this.actions = actions;
    this.lines = [];
    this.virtual = new Virtual(box, {
      height: LINE_HEIGHT,
      key: (line) => line.key,
      fill: (node, line) => this.fill(node, line),
      className: 'row-line',
    });
    box.addEventListener('click', (event) => this.click(event));
    box.addEventListener('scroll', () => this.nearTheEnd(), { passive: true });
  }

  draw() {
    this.lines = linesOf();
    this.virtual.show(this.lines);
    this.box.hidden = this.lines.length === 0;
    this.point();
    this.nearTheEnd();
  }

  nearTheEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    if (!this.box.hidden && scrollTop + clientHeight * 3 > scrollHeight) this.actions.more();
  }

  point() {
    const line = this.lines.find((one) => one.key === state.cursor);
    if (line) this.box.setAttribute('aria-activedescendant', idOf(line));
    else this.box.removeAttribute('aria-activedescendant');
  }

  fill(node, line) {
    const isSelected = line.key === state.selected;
    const stamp = stampOf(line);
    node.id = idOf(line);
    node.dataset.key = line.key;
    node.setAttribute('role', 'treeitem');
    node.setAttribute('aria-level', line.level);
    node.setAttribute('aria-posinset', line.place);
    node.setAttribute('aria-setsize', line.of);
    node.setAttribute('aria-selected', String(isSelected));
    if (line.children) node.setAttribute('aria-expanded', String(line.open));
    node.className = `row-line ${line.kind} level-${Math.min(line.level, 6)}`;
    node.classList.toggle('selected', isSelected);
    node.classList.toggle('cursor', line.key === state.cursor);
    if (node.dataset.stamp === stamp) return;
    node.dataset.stamp = stamp;
    node.replaceChildren(...LOOKS[line.kind](line, this.actions).filter(Boolean));
  }

  click(event) {
    const node = event.target.closest('[data-key]');
    if (!node || event.target.closest('button')) return;
    const line = this.lines.find((one) => one.key === node.dataset.key);
    if (!line) return;
    state.cursor = line.key;
    this.enter(line);
  }

  /// Opens a call; folds or unfolds anything else.
  enter(line = this.current()) {
    if (!line) return;
    if (line.kind === 'call') this.actions.open(line.key, true);
    else this.turn(line, !line.open);
  }

  turn(line, open) {
    state.turned.set(line.key, open);
    const known = state.sessions.get(line.session)?.exchanges ?? 0;
    if (open && line.kind === 'session' && line.rows.length < known && state.more) this.actions.session(line.session);
    this.draw();
  }

  current() {
    return this.lines.find((one) => one.key === state.cursor);
  }

  /// Moves by lines; ends at the ends.
  move(by) {
    if (!this.lines.length) return;
    const at = this.lines.findIndex((one) => one.key === state.cursor);
    const to = at < 0 ? 0 : Math.min(this.lines.length - 1, Math.max(0, at + by));
    const line = this.lines[to];
    state.cursor = line.key;
    this.virtual.reveal(to);
    this.virtual.drawNow();
    this.point();
    if (line.kind === 'call') this.actions.open(line.key, false);
  }

  /// Left and right, as trees have it.
  fold(open) {
    const line = this.current();
    if (!line) return;
    if (line.children && line.open !== open) this.turn(line, open);
    else if (!open && line.parent) {
      state.cursor = line.parent;
      this.virtual.reveal(this.lines.findIndex((one) => one.key === line.parent));
      this.draw();
    } else if (open && line.children) this.move(1);
  }

  reveal(key) {
    const at = this.lines.findIndex((one) => one.key === key);
    if (at >= 0) this.virtual.reveal(at);
  }
}

/// Opens all that holds the selected call.
export function openTo(row) {
  state.turned.set(`session ${row.session}`, true);
  if (row.probe)
    for (const line of linesOf())
      if (line.kind === 'probes' && line.rows.includes(row)) state.turned.set(line.key, true);
}

function idOf(line) {
  return `line-${line.key.replace(/[^\w-]/g, '_')}`;
}

/// Changes with whatever a line shows.
function stampOf(line) {
  if (line.kind === 'call') {
    const { row } = line;
    return JSON.stringify([
      row.state,
      row.status,
      row.model,
      row.called,
      row.text?.length,
      row.reasoning?.length,
      row.user,
      row.tokens,
      row.times.end,
      row.marked,
      row.comment,
      row.context.level,
      row.error,
      row.notes.retried,
      line.alone,
      state.lang,
      state.found?.hits.get(row.id),
    ]);
  }
  const newest = line.rows[0];
  const info = line.kind === 'session' ? state.sessions.get(line.session) : null;
  return JSON.stringify([
    line.rows.length,
    newest?.id,
    newest?.state,
    line.rows.filter(isBad).length,
    line.rows.some(isCut),
    line.number,
    state.lang,
    info?.title,
    info?.exchanges,
  ]);
}

function isCut(row) {
  return row.context.level === 'cut';
}

const LOOKS = {
  session(line, actions) {
    const info = state.sessions.get(line.session);
    const many = Math.max(info?.exchanges ?? 0, line.rows.length);
    const title = info?.title ?? line.rows.findLast((row) => row.user)?.user ?? clientOf(line) ?? line.session;
    return [
      twist(),
      h(
        'div.what',
        {},
        h('div.main', {}, h('bdi', {}, visible(cut(title, 120)))),
        h(
          'div.sub',
          {},
          dotted(
            clientOf(line),
            say('n_exchanges', { n: many }),
            info || line.rows.length ? moment(info?.last_ms ?? line.rows[0].begun_ms, false) : null,
            info?.bytes ? size(info.bytes) : null,
          ),
        ),
      ),
      troubles(line.rows),
      mayWrite()
        ? iconButton('✕', say('delete_session'), () => actions.removeSession(line.session, many), {
            className: 'row-action',
          })
        : null,
    ];
  },

  turn(line) {
    const tokens = line.rows.reduce((sum, row) => sum + (row.tokens.output ?? 0), 0);
    const took = span(
      Math.max(...line.rows.map((row) => row.begun_ms * 1000 + (row.times.end ?? 0))) -
        Math.min(...line.rows.map((row) => row.begun_ms * 1000)),
    );
    return [
      twist(),
      h(
        'div.what',
        {},
        h('div.main', {}, h('bdi', {}, visible(cut(line.first.user ?? line.first.path, 120)))),
        h(
          'div.sub',
          {},
          dotted(
            say('turn_n', { n: line.number }),
            say('n_calls', { n: line.rows.length }),
            tokens ? say('n_tokens', { n: short(tokens) }) : null,
            took,
          ),
        ),
      ),
      troubles(line.rows),
    ];
  },

  agent(line) {
    const name = line.rows.find((row) => row.thread.agent)?.thread.agent ?? line.rows[0].thread.thread_id ?? '';
    return [
      twist(),
      h(
        'div.what',
        {},
        h('div.main', {}, badge(say('agent'), 'agent'), ' ', h('bdi', {}, visible(cut(name, 80)))),
        h('div.sub', {}, `${say('n_calls', { n: line.rows.length })} · ${visible(cut(line.rows[0].model, 40))}`),
      ),
      troubles(line.rows),
    ];
  },

  probes(line) {
    const paths = [...new Set(line.rows.map((row) => row.path))].join(' ');
    return [
      twist(),
      h(
        'div.what',
        { title: say('probes_hint') },
        h('div.main.faint', {}, say('probes', { n: line.rows.length })),
        h('div.sub', {}, visible(cut(paths, 80))),
      ),
      troubles(line.rows),
    ];
  },

  call(line) {
    const { row } = line;
    const hit = state.found?.hits.get(row.id);
    return [
      h(`span.dot.${row.state}${isBad(row) ? '.bad' : ''}`, { 'aria-hidden': 'true' }),
      h(
        'div.what',
        {},
        h('div.main', {}, kindBadge(row), h('bdi', {}, visible(cut(mainOf(row, line.alone), 160)))),
        h('div.sub', {}, hit ? h('bdi.hit', {}, visible(cut(hit, 160))) : figuresOf(row)),
      ),
      h('div.chips', {}, chipsOf(row)),
    ];
  },
};

function twist() {
  return h('span.twist', { 'aria-hidden': 'true' });
}

function clientOf(line) {
  const client = state.sessions.get(line.session)?.client || line.rows[0]?.client;
  return client ? visible(cut(client.split(' ')[0], 40)) : null;
}

/// How many of some calls are bad or cut, in words.
function troubles(rows) {
  const bad = rows.filter(isBad).length;
  const isLive = rows.some((row) => !isOver(row));
  if (!bad && !isLive && !rows.some(isCut)) return null;
  return h(
    'div.chips',
    {},
    isLive ? h('span.live-dot', { title: say('live') }, h('span.off-screen', {}, say('live'))) : null,
    rows.some(isCut) ? badge(say('level_cut'), 'bad') : null,
    bad
      ? h(
          'span.bad-count',
          { title: say('quick_error') },
          '✕\u202f',
          number(bad),
          h('span.off-screen', {}, say('quick_error')),
        )
      : null,
  );
}

function kindBadge(row) {
  const { kind } = row.thread;
  if (kind === 'compaction') return [badge(say('compaction'), 'compaction'), ' '];
  if (kind === 'title') return [badge(say('title')), ' '];
  return row.replay_of ? [badge(say('replay')), ' '] : null;
}

/// What a call is, in its first line.
function mainOf(row, alone) {
  if (row.probe) return `${row.method} ${row.path}`;
  if (alone && row.user) return row.user;
  if (row.called.length) return `→ ${counted(row.called)}`;
  return row.text || row.reasoning || row.user || `${row.method} ${row.path}`;
}

/// `exec_command ×2, apply_patch`
function counted(names) {
  const many = new Map();
  for (const name of names) many.set(name, (many.get(name) ?? 0) + 1);
  return [...many].map(([name, n]) => (n > 1 ? `${name} ×${n}` : name)).join(', ');
}

function figuresOf(row) {
  const facts = [
    isOver(row) ? null : h('span.live', {}, sayOr('state_', row.state)),
    moment(row.begun_ms),
    row.times.end !== null ? span(row.times.end) : null,
    row.tokens.input !== null ? `${short(row.tokens.input)} → ${short(row.tokens.output ?? 0)}` : null,
    row.model ? visible(cut(row.model, 32)) : row.probe ? null : visible(cut(row.path, 32)),
  ].filter(Boolean);
  return facts.flatMap((fact, index) => (index ? [' · ', fact] : [fact]));
}

function chipsOf(row) {
  return [
    row.marked
      ? h('span.star', { title: visible(row.comment ?? say('marked')) }, '★', h('span.off-screen', {}, say('marked')))
      : null,
    row.comment && !row.marked
      ? h('span.star', { title: visible(row.comment) }, '✎', h('span.off-screen', {}, say('comment')))
      : null,
    isCut(row)
      ? badge(say('level_cut'), 'bad')
      : row.context.level === 'near'
        ? badge(say('level_near'), 'warn')
        : null,
    row.notes.retried ? badge(`↻\u202f${row.notes.retried}`, 'warn', say('retried')) : null,
    row.state === 'aborted' || row.state === 'refused' || row.state === 'lost'
      ? badge(sayOr('chip_', row.state), 'warn')
      : row.state === 'failed' || (row.status ?? 0) >= 400
        ? badge(row.status ? `✕ ${row.status}` : `✕ ${say('state_failed')}`, 'bad')
        : null,
  ];
}
