// The right side: one exchange. Its head says how it went and what to do about it; tabs hold the rest.

import { cut, foreign, h, swap, visible } from './dom.js';
import { badge, button, command, copyButton, fold, iconButton, longText, problem } from './parts.js';
import { conversationTab } from './items.js';
import { headersTab, panesTab, rawTab, toolsTab } from './panes.js';
import { timelineTab } from './timeline.js';
import { diffTab } from './diff.js';
import { jsonTree } from './tree.js';
import { hasWord, moment, number, percent, say, sayOr, size, span, told, whole } from './words.js';
import { api, hasServer } from './api.js';
import { isBad, isOver, mayReplay, mayWrite, state } from './state.js';

export const TABS = ['conversation', 'panes', 'timeline', 'diff', 'raw', 'headers', 'tools'];

const FILL = {
  conversation: (panel, view, actions) => withParameters(panel, view, conversationTab(panel, view, actions)),
  panes: panesTab,
  timeline: timelineTab,
  diff: diffTab,
  raw: rawTab,
  headers: headersTab,
  tools: toolsTab,
};

/// A view that is asked for again while its exchange runs: not more often than this, nor than it takes.
const LEAST_WAIT_MS = 350;

/// Whether figures are folded away: as one likes it; on a narrow screen until one asks for them.
export function isBrief() {
  return state.brief ?? matchMedia('(max-width: 760px)').matches;
}

export class Detail {
  constructor(box, actions) {
    this.box = box;
    this.actions = actions;
    this.view = null;
    this.id = null;
    this.asked = null;
    this.took = 0;
    this.head = h('div.detail-head');
    this.tabs = h('div.tabs', { role: 'tablist', 'aria-label': say('detail') });
    this.panel = h('div.panel', { role: 'tabpanel', id: 'panel', tabIndex: 0 });
    this.tabs.addEventListener('keydown', (event) => this.key(event));
    // Until the next exchange is here, the last one's buttons stand: whoever presses one means what is selected.
    const hold = (event) => this.view || event.stopImmediatePropagation();
    this.head.addEventListener('click', hold, { capture: true });
  }

  /// Shows an exchange, or none.
  async show(id) {
    if (id === this.id && this.view) return this.drawTab();
    this.id = id;
    this.view = null;
    delete this.head.dataset.id;
    this.stop();
    if (!id) return this.nothing();
    try {
      if (!(await this.load(id))) return;
      this.draw();
      if (!isOver(this.view.row)) this.news();
    } catch (error) {
      if (this.id === id)
        this.box.replaceChildren(error.status === 404 ? h('p.note.center', {}, say('not_found')) : problem(error));
    }
  }

  /// Asks for an exchange as it is now. False: meanwhile another one is to be shown.
  async load(id) {
    const before = performance.now();
    const view = await api.view(id);
    if (this.id !== id) return false;
    this.took = performance.now() - before;
    this.view = view;
    return true;
  }

  nothing() {
    this.box.replaceChildren(h('p.note.center', {}, say('nothing_selected')));
  }

  draw() {
    if (!this.view) return this.id ? undefined : this.nothing();
    this.drawHead();
    this.box.replaceChildren(this.head, this.tabs, this.panel);
    this.box.scrollTop = 0;
    this.drawTab();
  }

  /// The open exchange has changed: looks again, soon.
  news(row = null) {
    if (row && this.view && isOver(this.view.row) && this.view.row.id === row.id) {
      Object.assign(this.view.row, { marked: row.marked, comment: row.comment });
      this.view.context = row.context;
      this.drawHead();
      return;
    }
    if (this.asked || state.paused || !hasServer()) return;
    this.asked = setTimeout(() => this.again(), Math.max(LEAST_WAIT_MS, this.took * 2));
  }

  async again() {
    const { id } = this;
    try {
      if (!(await this.load(id))) return;
      this.drawHead();
      this.update?.(this.view);
      this.drawTabs();
    } catch {
      // The list says when the connection is gone; the next news tries again.
    }
    this.asked = null;
    if (this.id === id && this.view && !isOver(this.view.row)) this.news();
  }

  stop() {
    clearTimeout(this.asked);
    this.asked = null;
    this.update = null;
  }

  drawTabs() {
    const hasFocus = this.tabs.contains(document.activeElement);
    swap(
      this.tabs,
      TABS.map((tab, index) => {
        const many = tab === 'tools' ? this.view.tools.length : null;
        return h(
          'button.tab',
          {
            type: 'button',
            role: 'tab',
            id: `tab-${tab}`,
            'data-keep': `tab ${tab}`,
            'aria-selected': String(tab === state.tab),
            'aria-controls': 'panel',
            tabIndex: tab === state.tab ? 0 : -1,
            title: String(index + 1),
            on: { click: () => this.actions.tab(tab) },
          },
          say(`tab_${tab}`),
          many ? h('span.count', {}, number(many)) : null,
        );
      }),
    );
    const chosen = this.tabs.querySelector('[aria-selected=true]');
    if (hasFocus) chosen.focus({ preventScroll: true });
    this.showTab(chosen);
  }

  /// Brings a tab into sight, where their line is longer than the screen is wide.
  showTab(tab) {
    const { scrollLeft, clientWidth } = this.tabs;
    const right = tab.offsetLeft + tab.offsetWidth - clientWidth;
    if (scrollLeft < right || scrollLeft > tab.offsetLeft) this.tabs.scrollLeft = right + 24;
  }

  drawTab() {
    this.drawTabs();
    this.panel.setAttribute('aria-labelledby', `tab-${state.tab}`);
    this.panel.className = `panel panel-${state.tab}`;
    this.panel.replaceChildren();
    const updates = [];
    const update = FILL[state.tab](this.panel, this.view, { onUpdate: (does) => updates.push(does) });
    this.update = (view) => [update, ...updates].forEach((does) => does?.(view));
    // A tab that was scrolled away is begun at its top.
    const top = this.tabs.offsetTop;
    if (this.box.scrollTop > top) this.box.scrollTop = top;
  }

  key(event) {
    const at = TABS.indexOf(state.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.actions.tab(TABS[(to + TABS.length) % TABS.length]);
  }

  drawHead() {
    const { view } = this;
    this.head.dataset.id = view.row.id;
    swap(
      this.head,
      titleLine(view, this.actions),
      badgeLine(view),
      banners(view),
      isBrief() ? null : [h('div.facts', {}, grid(view), gauge(view)), previews(view)],
    );
  }
}

function titleLine(view, actions) {
  const { row } = view;
  const go = (id, sign, label) => iconButton(sign, label, () => actions.open(id, true), { disabled: !id });
  return h(
    'div.title',
    {},
    iconButton('←', say('back'), actions.back, { className: 'only-narrow' }),
    h('h2', {}, h('span.method', {}, row.method), ' ', foreign(cut(row.path, 120))),
    h('span.grow'),
    h(
      'div.actions',
      { role: 'toolbar', 'aria-label': say('detail') },
      button(say('more_head'), actions.brief, { pressed: !isBrief(), className: 'chip', keep: 'brief' }),
      go(view.previous, '↑', say('previous_call')),
      go(view.next, '↓', say('next_call')),
      mayWrite()
        ? [
            button(row.marked ? '★' : '☆', () => actions.mark(row), {
              keep: 'mark',
              title: say(row.marked ? 'unmark' : 'mark'),
              className: 'icon',
              pressed: row.marked,
            }),
            button(say('comment'), () => actions.comment(row), { className: 'quiet' }),
          ]
        : null,
      hasServer() ? button(say('copy_curl'), () => actions.copyCurl(row), { className: 'quiet' }) : null,
      mayReplay() && row.api !== 'other'
        ? button(say('replay_do'), () => actions.replay(view), { className: 'quiet' })
        : null,
      mayWrite() ? button(say('delete'), () => actions.remove(row), { className: 'quiet.danger' }) : null,
    ),
  );
}

function badgeLine(view) {
  const { row } = view;
  return h(
    'div.badges',
    {},
    statusBadge(row),
    badge(sayOr('state_', row.state), isBad(row) ? 'bad' : isOver(row) ? 'good' : 'live'),
    row.model ? badge(visible(cut(row.model, 60)), 'model') : null,
    row.api === 'other' ? null : badge(say(row.stream ? 'stream' : 'batch')),
    row.lane === 'translated'
      ? badge(say('translated'), 'info')
      : row.lane === 'local'
        ? badge(say('local'), 'info')
        : null,
    row.context.level === 'cut'
      ? badge(say('truncated'), 'bad')
      : row.context.level === 'near'
        ? badge(say('near'), 'warn')
        : null,
    row.notes.retried ? badge(`${say('retried')} ×${row.notes.retried}`, 'warn') : null,
    row.notes.resumed ? badge(`${say('resumed')} ×${row.notes.resumed}`, 'warn') : null,
    row.thread.kind === 'compaction' ? badge(say('compaction'), 'compaction') : null,
    row.thread.agent && row.thread.parent_thread_id
      ? badge(`${say('agent')}: ${visible(cut(row.thread.agent, 40))}`, 'agent')
      : null,
    row.replay_of ? h('a.badge.info', { href: `#/x/${row.replay_of}/conversation` }, say('replay')) : null,
    row.incomplete ? badge(say('incomplete'), 'warn', say('incomplete_hint')) : null,
    row.redacted ? badge(say('redacted', { n: row.redacted }), 'private') : null,
    row.marked ? badge(`★ ${say('marked')}`, 'mark') : null,
    row.comment ? h('span.comment', {}, '✎ ', foreign(cut(row.comment, 400))) : null,
  );
}

/// A status in colour and in words.
function statusBadge(row) {
  if (row.status === null) return isOver(row) ? badge(say('status_none'), 'bad') : null;
  const family = Math.floor(row.status / 100);
  return badge(`${row.status} ${sayOr('status_', String(family))}`, { 2: 'good', 3: 'warn' }[family] ?? 'bad');
}

/// What is wrong, why, and what to type. The most important thing on the page.
function banners(view) {
  const { row, context } = view;
  const shown = [];
  if (context.level === 'cut') shown.push(cutBanner(context, row));
  else if (context.level === 'near')
    shown.push(banner('warn', say('near_title'), say('near_text', figures(context)), fixes(context)));
  if (row.error || ['failed', 'aborted', 'refused', 'lost'].includes(row.state)) shown.push(errorBanner(row));
  const hints = view.hints.filter((hint) => !(['cut', 'near'].includes(hint.id) && hint.id === context.level));
  if (hints.length)
    shown.push(
      h(
        'ul.hints',
        { 'aria-label': say('hint_try') },
        hints.map((hint) =>
          h(
            'li',
            {},
            `${say(hasWord(`hint_${hint.id}`) ? `hint_${hint.id}` : 'hint_other')} `,
            hint.command ? command(hint.command) : null,
          ),
        ),
      ),
    );
  return shown;
}

function banner(kind, title, text, ...more) {
  return h(
    `section.banner.${kind}`,
    { role: kind === 'bad' ? 'alert' : 'status' },
    h('h3', {}, h('span', { 'aria-hidden': 'true' }, kind === 'bad' ? '✕ ' : '⚠ '), title),
    text ? h('p', {}, text) : null,
    more,
  );
}

/// What was read is the prompt alone: `used` has the answer, too.
function cutBanner(context, row) {
  const read = { ...context, used: row.tokens.input ?? context.used };
  return banner('bad', say('cut_title'), say(`cut_${context.why ?? 'full'}`, figures(read)), fixes(context));
}

function figures(context) {
  return { used: context.used ?? '?', window: context.window ?? '?', estimated: context.estimated ?? '?' };
}

/// The next size that holds what was sent, as Ollama and its users count.
function enough(context) {
  const wanted = Math.max(context.estimated ?? 0, context.used ?? 0, context.window ?? 0) * 1.25;
  let tokens = 8192;
  while (tokens < wanted) tokens *= 2;
  return context.maximum ? Math.min(tokens, context.maximum) : tokens;
}

function fixes(context) {
  const tokens = enough(context);
  return [
    h('p.fix-lead', {}, say('cut_fix')),
    h(
      'ol.fixes',
      {},
      h('li', {}, say('fix_windows'), command(`setx OLLAMA_CONTEXT_LENGTH ${tokens}`, '>')),
      h('li', {}, say('fix_num_ctx'), command(`ollama-forward --translate --num-ctx ${tokens}`)),
      h('li', {}, say('fix_doctor'), command('ollama-forward doctor')),
    ),
  ];
}

function errorBanner(row) {
  const title = { aborted: 'aborted_title', refused: 'refused_title', lost: 'lost_title' }[row.state] ?? 'error_title';
  const kind = row.state === 'aborted' ? 'warn' : 'bad';
  return banner(
    kind,
    say(title),
    null,
    row.error?.text ? longText(told(row.error.text), { selector: 'p.said', first: 500, keep: `error ${row.id}` }) : null,
    row.error?.id ? [h('p.fix-lead', {}, say('explain')), command(`ollama-forward explain ${row.error.id}`)] : null,
  );
}

function grid(view) {
  const { row, times } = view;
  const { tokens, context } = row;
  const about = tokens.exact ? '' : '≈\u202f';
  const rate = (value) =>
    value === null ? null : `${about}${say('g_rate', { n: number(value, value < 100 ? 1 : 0) })}`;
  const cells = [
    ['g_latency', times.end === null ? null : span(times.end)],
    ['g_ttft', times.first_token === null ? null : span(times.first_token)],
    ['g_first_text', times.first_text === null ? null : span(times.first_text)],
    [
      'g_tokens',
      tokens.input === null
        ? null
        : `${number(tokens.input)} → ${tokens.output === null ? '?' : number(tokens.output)}`,
    ],
    ['g_cached', tokens.cached ? number(tokens.cached) : null],
    ['g_reasoning', tokens.reasoning ? number(tokens.reasoning) : null],
    ['g_prompt_rate', rate(tokens.prompt_rate)],
    ['g_decode_rate', rate(tokens.decode_rate)],
    ['g_load', times.load ? span(times.load) : null],
    ['g_share', context.used !== null && context.window ? percent(context.used / context.window) : null],
    ['g_messages', row.api === 'other' ? null : number(row.messages)],
    ['g_tools', row.api === 'other' ? null : number(row.tools)],
    ['g_system', row.api === 'other' ? null : number(row.system_chars)],
    ['g_size', `${size(row.sent)}, ${size(row.received)}`],
    ['g_begun', moment(row.begun_ms), whole(row.begun_ms)],
    ['g_client', row.client ? visible(cut(row.client, 60)) : null],
  ].filter(([, value]) => value !== null);
  return h(
    'dl.grid',
    { title: say(tokens.exact ? 'g_exact' : 'g_about') },
    cells.map(([name, value, title]) => h(`div.${name}`, { title }, h('dt', {}, say(name)), h('dd', {}, value))),
  );
}

/// How full the context is. The whole length is what is loaded, or what was sent when that is more.
function gauge(view) {
  const { context, shares } = view;
  const rows = [
    ['used', context.used],
    ['estimated', context.estimated],
    ['window', context.window],
    ['maximum', context.maximum],
    ['believed', context.believed],
  ].filter(([, value]) => value !== null);
  if (!rows.length && !shares.length) return null;
  const whole = Math.max(
    context.window ?? 0,
    context.used ?? 0,
    context.level === 'cut' ? (context.estimated ?? 0) : 0,
    1,
  );
  const part = (value) => `${Math.min(100, (value / whole) * 100)}%`;
  const level = say(`level_${context.level}`);
  return h(
    `section.gauge.${context.level}`,
    { 'aria-label': say('context') },
    h(
      'div.head',
      {},
      h('h3', {}, say('context')),
      badge(level, { fits: 'good', near: 'warn', cut: 'bad' }[context.level] ?? ''),
    ),
    h(
      'div.bar-whole',
      { role: 'img', 'aria-label': say('gauge_label', { ...figures(context), level }) },
      context.used !== null ? h('div.used', { vars: { width: part(context.used) } }) : null,
      context.level === 'cut' && context.estimated > context.used
        ? h('div.lost', { vars: { left: part(context.used), width: part(context.estimated - context.used) } })
        : null,
      context.window && context.window < whole ? h('div.edge', { vars: { left: part(context.window) } }) : null,
    ),
    h(
      'dl.levels',
      {},
      rows.map(([name, value]) =>
        h(
          `div.${name}${name === 'believed' && context.window && value > context.window ? '.over' : ''}`,
          {},
          h('dt', {}, say(`ctx_${name}`)),
          h('dd', {}, name === 'estimated' ? `≈\u202f${number(value)}` : number(value)),
        ),
      ),
    ),
    shares.length ? sharesBar(shares) : null,
  );
}

function sharesBar(shares) {
  const all = shares.reduce((sum, share) => sum + share.tokens, 0) || 1;
  const label = shares.map((share) => `${sayOr('share_', share.part)} ${percent(share.tokens / all)}`).join(', ');
  return h(
    'div.shares',
    {},
    h(
      'div.bar-shares',
      { role: 'img', 'aria-label': `${say('shares')}: ${label}`, title: say('shares') },
      shares
        .filter((share) => share.tokens)
        .map((share) => h(`div.share.${share.part}`, { vars: { 'flex-grow': String(share.tokens) } })),
    ),
    h(
      'ul.legend',
      {},
      shares
        .filter((share) => share.tokens)
        .map((share) =>
          h('li', {}, h(`span.swatch.${share.part}`), `${sayOr('share_', share.part)} ${number(share.tokens)}`),
        ),
    ),
  );
}

function previews(view) {
  const { row } = view;
  const shown = [
    ['preview_user', row.user],
    ['preview_reasoning', row.reasoning],
    ['preview_answer', row.text],
  ].filter(([, text]) => text);
  if (!shown.length) return null;
  return h(
    'div.previews',
    {},
    shown.map(([name, text]) =>
      h(
        `div.preview.${name}`,
        {},
        h(
          'div.head',
          {},
          h('h3', {}, say(name)),
          h('span.grow'),
          copyButton(() => text, say('copy'), `copy ${name}`),
        ),
        h('p', { dir: 'auto' }, visible(text)),
      ),
    ),
  );
}

function withParameters(panel, view, update) {
  const { parameters } = view;
  if (parameters && typeof parameters === 'object' && Object.keys(parameters).length)
    panel.append(
      fold(say('parameters'), () => jsonTree(parameters, { tools: false, depth: 2, label: say('parameters') }), {
        keep: 'parameters',
        className: 'tool',
      }),
    );
  return update;
}
