// The page: what is above and around; which keys do what; what happens when news come. It draws by asking the others.

import { eachFrame, h, swap, toClipboard, visible } from './dom.js';
import { badge, button, command, iconButton, tell } from './parts.js';
import {
  commentDialog,
  confirmDialog,
  exportDialog,
  helpDialog,
  isDialogOpen,
  replayDialog,
  settingsDialog,
} from './dialogs.js';
import { Detail, isBrief, TABS } from './detail.js';
import { Filter } from './filter.js';
import { List, openTo } from './list.js';
import { api, listen, readExport } from './api.js';
import { number, say, size, speak, spoken } from './words.js';
import { dropRow, isBad, isOver, mayWrite, putRow, putRows, remember, state } from './state.js';

/// The first rows are few, so that they are there at once; then more at a time, up to what a page holds well.
const FIRST_ROWS = 200;
const MORE_ROWS = 1000;
const MOST_ROWS = 20_000;
/// While a filter is set, news are looked for by asking again, not more often than this.
const FOUND_AGAIN_MS = 1500;
const FOUND_ROWS = 500;

const page = {};

function build() {
  const app = document.getElementById('app');
  page.top = h('div.live-state');
  page.filter = new Filter(() => find());
  page.count = h('p.list-count', { role: 'status' });
  page.listTools = h('div.list-tools');
  page.tree = h('div.tree-list', { role: 'tree', tabIndex: 0, id: 'tree', hidden: true });
  page.empty = h('div.empty');
  page.detailBox = h('section.detail', { id: 'detail', tabIndex: -1 });
  page.skip = h('a.skip', {
    href: '#detail',
    on: {
      click: (event) => {
        event.preventDefault();
        page.detailBox.focus();
      },
    },
  });
  page.side = h(
    'section.side',
    {},
    page.filter.box,
    h('div.list-head', {}, page.count, page.listTools),
    page.tree,
    page.empty,
  );
  app.replaceChildren(
    page.skip,
    h('header.top', {}, h('h1', {}, h('span.mark', { 'aria-hidden': 'true' }, '⇄'), 'ollama-forward'), page.top),
    h('main.columns-main', {}, page.side, page.detailBox),
    h('div.off-screen', { id: 'news', role: 'status', 'aria-live': 'polite' }),
  );
  page.list = new List(page.tree, actions);
  page.detail = new Detail(page.detailBox, actions);
  page.tree.addEventListener('keydown', treeKey);
  document.addEventListener('keydown', pageKey);
  window.addEventListener('hashchange', route);
}

const drawList = eachFrame(() => {
  page.list.draw();
  drawCount();
  drawEmpty();
});

function drawCount() {
  const { found } = state;
  const loaded = state.order.length;
  page.count.textContent = found
    ? say('n_found', { n: found.ids.length }) + (found.more ? '+' : '')
    : state.total > loaded
      ? say('n_of', { n: loaded, all: state.total })
      : say('n_exchanges', { n: loaded });
  const stamp = `${state.grouped} ${state.follow} ${spoken()}`;
  if (page.listTools.dataset.stamp === stamp) return;
  page.listTools.dataset.stamp = stamp;
  swap(
    page.listTools,
    state.exported
      ? null
      : button(say('follow'), () => setFollow(!state.follow), {
          pressed: state.follow,
          className: 'chip',
          title: say('follow_hint'),
          keep: 'follow',
        }),
    button(
      say('group'),
      () => {
        remember('grouped', !state.grouped);
        drawList();
      },
      { pressed: state.grouped, className: 'chip', keep: 'grouped' },
    ),
  );
}

/// What to type when there is nothing to see.
function drawEmpty() {
  const isEmpty = page.list.lines.length === 0;
  page.empty.hidden = !isEmpty;
  document.body.classList.toggle('is-empty', isEmpty && !state.found && state.loaded);
  if (!isEmpty) return;
  if (!state.loaded) return void page.empty.replaceChildren(h('p.note', {}, say('loading')));
  if (state.found)
    return void page.empty.replaceChildren(
      h('p', {}, say('empty_filter')),
      button(say('clear_filter'), () => page.filter.set('')),
    );
  const capture = state.server?.capture;
  page.empty.replaceChildren(
    h('h2', {}, say('empty_title')),
    ...(capture?.on ? nothingYet() : notEvenOn()),
    h('p.note', {}, say('privacy')),
  );
}

function nothingYet() {
  const listen = state.server.forward?.listen?.[0];
  return [
    h('p', {}, say('empty_on')),
    command(codexCommand(listen, 'exec ', ' "say hello"')),
    listen ? h('p.note', {}, say('empty_listen', { listen })) : '',
  ];
}

function notEvenOn() {
  return [
    h('p', {}, say('empty_off')),
    command('ollama-forward capture on'),
    h('p', {}, say('empty_start')),
    command('ollama-forward --translate --capture'),
    h('p', {}, say('empty_codex')),
    command(codexCommand(state.server?.forward?.listen?.[0])),
  ];
}

/// Codex looks for Ollama at its usual port, unless it is told another.
function codexCommand(listen, verb = '', prompt = '') {
  const port = /:(\d+)$/.exec(listen)?.[1] ?? '11434';
  const at = port === '11434' ? '' : `CODEX_OSS_PORT=${port} `;
  return `${at}codex ${verb}--oss --local-provider ollama -m gpt-oss:20b${prompt}`;
}

/// What is above: whether anything is captured, how much is kept, what is wrong.
function drawTop() {
  const capture = state.server?.capture;
  document.title = say('app_title');
  page.skip.textContent = say('skip');
  page.side.setAttribute('aria-label', say('exchanges'));
  page.tree.setAttribute('aria-label', say('exchanges'));
  page.detailBox.setAttribute('aria-label', say('detail'));
  const held = page.top.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
  page.top.replaceChildren(
    ...[
      ...(state.exported ? [badge(say('exported'), 'info')] : liveState(capture)),
      h('span.grow'),
      iconButton(state.wide ? '⇥' : '⇤', say(state.wide ? 'narrow' : 'wide'), () => setWide(!state.wide), {
        className: 'only-wide',
        keep: 'wide',
      }),
      state.exported ? null : button(say('export'), actions.export, { className: 'quiet', keep: 'export' }),
      button(say('settings'), actions.settings, { className: 'quiet', keep: 'settings' }),
      iconButton('?', say('help'), helpDialog, { keep: 'help' }),
    ].filter(Boolean),
  );
  if (held) page.top.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus();
  document.body.classList.toggle('wide', state.wide);
}

function liveState(capture) {
  const news = state.held.size;
  return [
    capture
      ? h(
          `span.capture.${capture.on ? 'on' : 'off'}`,
          {},
          h('span.lamp', { 'aria-hidden': 'true' }),
          say(capture.on ? 'capture_on' : capture.can_switch ? 'capture_off' : 'capture_reading'),
        )
      : null,
    capture?.can_switch
      ? button(say(capture.on ? 'capture_stop' : 'capture_start'), () => actions.capture(!capture.on), {
          className: 'quiet',
          keep: 'capture',
        })
      : null,
    button(state.paused ? (news ? say('resume_n', { n: news }) : say('resume')) : say('pause'), actions.pause, {
      className: 'quiet',
      keep: 'pause',
      title: `${say(state.paused ? 'paused' : 'live')} (p)`,
      pressed: state.paused,
    }),
    state.signedOut
      ? [badge(say('signed_out'), 'bad'), h('code', {}, 'ollama-forward capture open')]
      : state.connected || !state.loaded
        ? null
        : badge(say('offline'), 'warn'),
    capture?.trouble ? badge(say('trouble', { why: visible(String(capture.trouble)) }), 'bad') : null,
    capture?.missed ? badge(say('missed', { n: capture.missed }), 'warn', say('missed_hint')) : null,
    capture?.limit ? usage(capture) : null,
  ]
    .flat()
    .filter(Boolean);
}

/// How much is kept, of how much.
function usage(capture) {
  return h(
    'span.disk',
    { title: say('disk_hint', { n: capture.keep_days ?? 0 }) },
    h(
      'span.disk-bar',
      { 'aria-hidden': 'true' },
      h('span', { vars: { width: `${Math.min(100, (capture.bytes / capture.limit) * 100)}%` } }),
    ),
    say('disk', { used: size(capture.bytes), limit: size(capture.limit) }),
  );
}

function setFollow(follow) {
  remember('follow', follow);
  drawCount();
  if (follow) openNewest();
}

/// Opens the newest call that is one.
function openNewest() {
  const id = state.order.find((one) => !state.rows.get(one).probe) ?? state.order[0];
  if (id && id !== state.selected) location.replace(`#/x/${id}/${state.tab}`);
}

/// What the parts may ask for.
const actions = {
  /// A call. `focus`: because somebody chose it, not only passed it.
  open(id, focus) {
    clearTimeout(page.opening);
    const go = () => {
      location.hash = `#/x/${id}/${state.tab}`;
    };
    if (state.follow && id !== state.order[0]) setFollow(false);
    if (focus) {
      document.body.classList.add('showing-detail');
      go();
    } else page.opening = setTimeout(go, 120);
  },
  back() {
    document.body.classList.remove('showing-detail');
    page.tree.focus();
  },
  brief() {
    remember('brief', !isBrief());
    page.detail.drawHead();
  },
  tab(name) {
    if (state.selected) location.hash = `#/x/${state.selected}/${name}`;
  },
  more: () => {
    if (!state.found) loadMore();
  },
  session: (key) => loadSession(key),
  pause() {
    remember('paused', !state.paused);
    if (!state.paused) release();
    drawTop();
  },
  capture: (on) =>
    attempt(async () => {
      await api.capture(on);
      await loadState();
    }),
  mark: (row) =>
    attempt(async () => {
      await api.mark(row.id, { marked: !row.marked });
      changeRow(row.id, { marked: !row.marked });
    }),
  async comment(row) {
    const comment = await commentDialog(row);
    if (comment === null) return;
    await attempt(async () => {
      await api.mark(row.id, { comment });
      changeRow(row.id, { comment: comment || null });
      tell(say('saved'));
    });
  },
  async remove(row) {
    if (!(await confirmDialog(say('delete_ask'), say('delete')))) return;
    await attempt(async () => {
      await api.remove(row.id);
      gone(row.id);
      tell(say('deleted'), { quiet: false });
    });
  },
  async removeSession(key, n) {
    if (!(await confirmDialog(say('delete_session_ask', { n }), say('delete_session')))) return;
    await attempt(async () => {
      await api.removeSession(key);
      for (const id of state.order.filter((one) => state.rows.get(one).session === key)) gone(id);
      state.sessions.delete(key);
      drawList();
      tell(say('deleted'), { quiet: false });
    });
  },
  copyCurl: (row) =>
    attempt(async () => {
      const done = await toClipboard(await api.exported({ format: 'curl', id: row.id }));
      tell(say(done ? 'copied' : 'copy_failed'), { quiet: false });
    }),
  replay: (view) =>
    replayDialog(view, {
      before: () => {
        state.awaited = view.row.id;
      },
      done: () => tell(say('r_sent'), { quiet: false }),
    }),
  export: () => exportDialog(),
  settings: () => settingsDialog({ theme: setTheme, lang: setLanguage }),
};

async function attempt(does) {
  try {
    await does();
  } catch (error) {
    tell(say('failed_action', { why: error.message }), { quiet: false });
  }
}

function changeRow(id, change) {
  const row = state.rows.get(id);
  if (!row) return;
  const now = { ...row, ...change };
  putRow(now);
  if (id === state.selected) page.detail.news(now);
  drawList();
}

function gone(id) {
  dropRow(id);
  state.total = Math.max(0, state.total - 1);
  if (state.found) state.found.ids = state.found.ids.filter((one) => one !== id);
  if (id === state.selected) location.hash = '#/';
  drawList();
}

function setTheme(theme) {
  remember('theme', theme);
  document.documentElement.dataset.theme = theme;
}

function setLanguage(lang) {
  remember('lang', lang);
  speak(lang);
  document.documentElement.lang = lang;
  page.filter.speak();
  drawTop();
  drawList();
  page.detail.draw();
}

function setWide(wide) {
  remember('wide', wide);
  drawTop();
}

/// `#/x/<id>/<tab>`
function route() {
  const [, where, id, tab] = location.hash.split('/');
  const before = state.selected;
  state.selected = where === 'x' && /^[0-9a-f]{16}$/.test(id ?? '') ? id : null;
  if (TABS.includes(tab)) state.tab = tab;
  if (!state.selected) document.body.classList.remove('showing-detail');
  if (state.selected !== before && state.selected) {
    if (
      state.cursor === null ||
      !page.list.lines.some((line) => line.key === state.selected && line.key === state.cursor)
    ) {
      const row = state.rows.get(state.selected);
      if (row && !state.found) openTo(row);
    }
    state.cursor = state.selected;
    page.list.draw();
    page.list.reveal(state.selected);
  } else if (state.selected !== before) drawList();
  page.detail.show(state.selected);
}

/// Rows, from the newest backwards.
async function loadFirst() {
  const found = await api.rows({ limit: FIRST_ROWS });
  putRows(found.rows);
  Object.assign(state, { loaded: true, ...reachOf(found) });
}

/// How far back a list goes. `cursor`: where the server has stopped, which may be further than the last row.
function reachOf({ rows, more, total, cursor }) {
  const reached = cursor ?? rows[rows.length - 1]?.id ?? state.reached;
  return { more: more && reached !== null, total, reached };
}

async function loadMore() {
  if (!state.more || page.loadingMore || state.order.length >= MOST_ROWS) return;
  page.loadingMore = true;
  await attempt(async () => {
    const found = await api.rows({ before: state.reached, limit: MORE_ROWS });
    putRows(found.rows.filter((row) => !state.rows.has(row.id)));
    Object.assign(state, reachOf(found));
  });
  page.loadingMore = false;
  drawList();
}

/// The rest, in the background, while nothing else is to be done.
async function loadRest() {
  while (state.more && state.order.length < MOST_ROWS) {
    const before = state.reached;
    await loadMore();
    if (state.reached === before) return;
    await new Promise((next) => setTimeout(next, 60));
  }
}

async function loadSession(key) {
  await attempt(async () => {
    const { rows } = await api.rows({ session: key, limit: MORE_ROWS });
    putRows(rows);
  });
  drawList();
}

async function loadState() {
  state.server = await api.state();
  drawTop();
  drawEmpty();
}

/// What is kept grows. The rest above is drawn anew only when it has changed: somebody may be about to press a button.
async function loadUsage() {
  const rest = () => JSON.stringify({ ...state.server?.capture, bytes: 0, exchanges: 0 });
  const before = rest();
  state.server = await api.state();
  if (rest() !== before) return drawTop();
  page.top.querySelector('.disk')?.replaceWith(usage(state.server.capture));
}

const sessionsSoon = throttled(async () => {
  loadUsage().catch(() => null);
  const sessions = await api.sessions().catch(() => null);
  if (!sessions) return;
  state.sessions = new Map(sessions.map((session) => [session.key, session]));
  drawList();
}, 2000);

/// `does` now, and not again until some time has passed; then once more if it was asked for.
function throttled(does, wait) {
  let timer = null;
  let again = false;
  const run = () => {
    again = false;
    timer = setTimeout(() => {
      timer = null;
      if (again) run();
    }, wait);
    does();
  };
  return () => {
    if (timer) again = true;
    else run();
  };
}

/// Asks for what the filter wants.
async function find() {
  const q = state.filter;
  page.findings = (page.findings ?? 0) + 1;
  const asked = page.findings;
  if (!q) {
    state.found = null;
    page.filter.complain(null);
    return drawList();
  }
  try {
    const rows = [];
    let before = null;
    // The server looks for a while, and says from where to go on.
    do {
      const found = await api.rows({ q, before, limit: FOUND_ROWS });
      if (asked !== page.findings) return;
      rows.push(...found.rows);
      before = found.more ? (found.cursor ?? null) : null;
      for (const row of found.rows) putRow(row);
      state.found = {
        ids: rows.map((row) => row.id),
        hits: new Map(rows.filter((row) => row.hit).map((row) => [row.id, row.hit])),
        more: found.more,
      };
      page.filter.complain(null);
      drawList();
    } while (before && rows.length < FOUND_ROWS);
  } catch (error) {
    if (asked !== page.findings) return;
    // What is still being typed is not wrong yet.
    page.filter.complain(page.filter.isOffering() ? null : error.message);
  }
  drawList();
}

const findAgain = throttled(() => {
  if (state.filter) find();
}, FOUND_AGAIN_MS);

const news = {
  hello(hello) {
    if (hello?.version && state.server && hello.version !== state.server.version) location.reload();
  },
  row(row) {
    if (state.paused) {
      state.held.set(row.id, row);
      return drawTop();
    }
    takeRow(row);
  },
  gone(what) {
    const id = what?.id ?? what;
    if (state.paused) state.heldGone.add(id);
    else gone(id);
    sessionsSoon();
  },
  state(now) {
    state.server = now?.version ? now : state.server;
    if (now?.version) {
      drawTop();
      drawEmpty();
    } else loadState().catch(() => null);
  },
  reset: () => reload(),
  connected(is) {
    if (is === state.connected) return;
    state.connected = is;
    drawTop();
  },
};

function takeRow(row) {
  const before = state.rows.get(row.id);
  if (!before) state.total += 1;
  putRow(row);
  // One of thousands that are imported, perhaps: it is news to nobody.
  const isOld = !before && row.id !== state.order[0];
  if (!before || isOver(row)) {
    sessionsSoon();
    if (!isOld) announce(row, before);
  }
  if (state.filter) findAgain();
  if (row.id === state.selected) page.detail.news(row);
  else if (!before && !row.probe && !isOld) followTo(row);
  drawList();
}

/// A repetition that was asked for is opened; any other new call only when they are followed.
function followTo(row) {
  const isAwaited = row.replay_of !== null && row.replay_of === state.awaited;
  if (isAwaited) state.awaited = null;
  if (isAwaited || (state.follow && !state.filter && !isDialogOpen())) location.replace(`#/x/${row.id}/${state.tab}`);
}

/// A word for those who do not see the list: of what begins and what goes wrong, not of each step.
function announce(row, before) {
  if (row.probe) return;
  const what = `${row.method} ${row.path} ${row.model}`;
  if (row.context.level === 'cut' && before?.context.level !== 'cut') tell(say('news_cut', { what }));
  else if (isOver(row) && isBad(row) && !(before && isOver(before))) tell(say('news_bad', { what }));
  else if (!before) tell(say('news_new', { what }));
}

/// Takes in what came while paused.
function release() {
  for (const row of state.held.values()) takeRow(row);
  for (const id of state.heldGone) gone(id);
  state.held.clear();
  state.heldGone.clear();
  if (state.missedReset) reload();
}

/// Something was missed: all anew, in its place.
async function reload() {
  if (state.paused) {
    state.missedReset = true;
    return;
  }
  state.missedReset = false;
  try {
    const found = await api.rows({ limit: Math.max(FIRST_ROWS, Math.min(state.order.length, MORE_ROWS)) });
    state.rows.clear();
    putRows(found.rows);
    Object.assign(state, { signedOut: false, ...reachOf(found) });
    sessionsSoon();
    await loadState();
    if (state.filter) await find();
    drawList();
    page.detail.news();
    await loadRest();
  } catch (error) {
    // No server: the connection is tried again anyway. A new start has a new secret, though.
    state.signedOut = error.status === 401 || error.status === 403;
    drawTop();
  }
}

/// Keys that move in the list, wherever the focus is.
const MOVES = {
  j: () => page.list.move(1),
  k: () => page.list.move(-1),
  g: () => page.list.move(-Infinity),
  G: () => page.list.move(Infinity),
};

const KEYS_OF_TREE = {
  ArrowDown: () => page.list.move(1),
  ArrowUp: () => page.list.move(-1),
  ArrowLeft: () => page.list.fold(false),
  ArrowRight: () => page.list.fold(true),
  Home: () => page.list.move(-Infinity),
  End: () => page.list.move(Infinity),
  PageDown: () => page.list.move(10),
  PageUp: () => page.list.move(-10),
  Enter: () => page.list.enter(),
  ' ': () => page.list.enter(),
  Delete: () => deleteCursor(),
};

function deleteCursor() {
  const line = page.list.current();
  if (!mayWrite() || !line) return;
  if (line.kind === 'call') actions.remove(line.row);
  else if (line.kind === 'session')
    actions.removeSession(line.session, Math.max(state.sessions.get(line.session)?.exchanges ?? 0, line.rows.length));
}

function treeKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== page.tree) return;
  const does = KEYS_OF_TREE[event.key];
  if (!does) return;
  event.preventDefault();
  event.stopPropagation();
  does();
}

const KEYS_OF_PAGE = {
  ...MOVES,
  '/': () => page.filter.input.focus(),
  '?': () => helpDialog(),
  p: () => actions.pause(),
  w: () => setWide(!state.wide),
  s: () => {
    remember('showSystem', !state.showSystem);
    page.detail.draw();
  },
  d: () => {
    state.against = null;
    actions.tab('diff');
  },
  m: () => {
    const row = state.rows.get(state.selected);
    if (row && mayWrite()) actions.mark(row);
  },
  f: () => setFollow(!state.follow),
  Escape: () => escape(),
};

function escape() {
  if (document.body.classList.contains('showing-detail')) actions.back();
  else if (state.filter) page.filter.set('');
  else if (state.selected) location.hash = '#/';
}

function pageKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
  if (event.target.matches('input:not([type=checkbox]), textarea, select')) return;
  const tab = /^[1-7]$/.test(event.key) ? TABS[Number(event.key) - 1] : null;
  const does = tab
    ? () => actions.tab(tab)
    : (KEYS_OF_PAGE[event.key] ?? (event.target === document.body ? KEYS_OF_TREE[event.key] : null));
  if (!does) return;
  event.preventDefault();
  does();
}

async function begin() {
  state.exported = readExport();
  document.documentElement.dataset.theme = state.theme;
  speak(state.lang ?? navigator.language?.slice(0, 2));
  build();
  drawTop();
  drawEmpty();
  try {
    const [server] = await Promise.all([api.state(), loadFirst()]);
    state.server = server;
    if (!state.lang) state.lang = server.lang === 'fr' ? 'fr' : 'en';
    speak(state.lang);
    document.documentElement.lang = state.lang;
    page.filter.speak();
  } catch (error) {
    return page.empty.replaceChildren(...notLetIn(error));
  }
  drawTop();
  page.list.draw();
  drawCount();
  drawEmpty();
  // A link to an older call means that one.
  if (location.hash.length <= 2) openNewest();
  else {
    document.body.classList.add('showing-detail');
    if (!location.hash.includes(state.order[0])) state.follow = false;
  }
  route();
  listen(news);
  sessionsSoon();
  loadRest();
}

function notLetIn(error) {
  if (error.status === 401 || error.status === 403)
    return [h('p', {}, say('signed_out')), command('ollama-forward capture open')];
  return [h('p.problem', { role: 'alert' }, say('error_loading', { why: visible(error.message) }))];
}

begin();
