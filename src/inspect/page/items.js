// A conversation: messages, thoughts, calls with their outputs. What it shows comes from `View`, for each API the same.

import { cut, foreign, h, visible } from './dom.js';
import { badge, button, checkbox, copyButton, fold, longText, patchText, picture } from './parts.js';
import { jsonTree } from './tree.js';
import { number, say, sayOr, size, span } from './words.js';
import { isOver, remember, state } from './state.js';
import { api } from './api.js';

/// Fewer earlier items than this are not worth a fold.
const FEW = 3;

/// The tab. Gives what redraws the parts that grow while the exchange runs.
export function conversationTab(panel, view, actions) {
  const history = h('section', { 'aria-label': say('sent') });
  const answer = h('section.answer', { 'aria-label': say('answer') });
  const redraw = () => drawHistory(history, view, redraw);
  redraw();
  drawAnswer(answer, view);
  panel.append(view.row.replay_of ? besideTheOriginal(view, actions) : '', history, answer);
  let known = view.conversation.length;
  return (now) => {
    view = now;
    if (now.conversation.length !== known) {
      known = now.conversation.length;
      redraw();
    }
    drawAnswer(answer, now);
  };
}

function isSystem(item) {
  return item.role === 'system' || item.role === 'developer';
}

function drawHistory(section, view, redraw) {
  const items = withoutLinked(view.conversation);
  const system = items.filter(isSystem);
  const shown = state.showSystem ? items : items.filter((item) => !isSystem(item));
  const earlier = shown.filter((item) => !item.new && !isSystem(item));
  const foldThem = !state.allHistory && earlier.length > FEW && shown.some((item) => item.new);
  const calls = callsOf(view.conversation);
  section.replaceChildren(
    h(
      'div.bar',
      {},
      h('h3', {}, say('sent')),
      h('span.grow'),
      system.length
        ? checkbox(say('show_system'), state.showSystem, (on) => {
            remember('showSystem', on);
            redraw();
          })
        : null,
      earlier.length > FEW && shown.some((item) => item.new) && !foldThem
        ? button(
            say('earlier_hide'),
            () => {
              remember('allHistory', false);
              redraw();
            },
            { className: 'quiet' },
          )
        : null,
    ),
  );
  if (!items.length) section.append(h('p.note', {}, say('no_conversation')));
  if (system.length && !state.showSystem)
    section.append(
      folded(say('system_hidden', { n: system.length }), system, () => {
        remember('showSystem', true);
        redraw();
      }),
    );
  if (foldThem)
    section.append(
      folded(say('earlier', { n: earlier.length }), earlier, () => {
        remember('allHistory', true);
        redraw();
      }),
    );
  for (const item of shown) {
    if (foldThem && earlier.includes(item)) continue;
    section.append(itemCard(item, calls, `${view.row.id} ${item.at}`));
  }
}

function folded(text, items, show) {
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  return h(
    'p.folded',
    {},
    `${text}, ${size(bytes)} `,
    button(say('earlier_show'), show, { className: 'quiet', keep: text }),
  );
}

/// Outputs stand with their calls.
function withoutLinked(items) {
  const linked = new Set(items.filter((item) => item.kind === 'call' && item.output).map((item) => item.call_id));
  return items.filter((item) => item.kind !== 'output' || !linked.has(item.call_id));
}

/// Calls and outputs by their id.
function callsOf(items) {
  const calls = new Map();
  for (const item of items) {
    if (!item.call_id) continue;
    const entry = calls.get(item.call_id) ?? {};
    entry[item.kind] = item;
    calls.set(item.call_id, entry);
  }
  return calls;
}

function drawAnswer(section, view) {
  // Whoever is selecting a text wants it to stay.
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && section.contains(selection.anchorNode)) return;
  const calls = callsOf(view.answer);
  const cards = view.answer.map((item) => itemCard(item, calls, `${view.row.id} answer ${item.at}`, { answer: true }));
  const held = section.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
  section.replaceChildren(
    h(
      'div.bar',
      {},
      h('h3', {}, say('answer')),
      isOver(view.row) ? '' : h('span.live', {}, sayOr('state_', view.row.state)),
    ),
  );
  if (cards.length) section.append(...cards);
  else
    section.append(
      h('p.note', {}, say(!isOver(view.row) ? 'answer_none' : view.row.received > 0 ? 'answer_raw' : 'answer_never')),
    );
  if (view.answer.some((item) => item.kind === 'call') && view.next) section.append(whenItCameBack(view));
  if (view.upstream_answer.length) section.append(saidByTheModel(view));
  if (held) section.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

function saidByTheModel(view) {
  return fold(
    say('model_said'),
    () =>
      view.upstream_answer.map((item) =>
        itemCard(item, new Map(), `${view.row.id} upstream ${item.at}`, { answer: true }),
      ),
    { keep: 'model said' },
  );
}

/// The client runs tools between two calls: that is the time they took.
function whenItCameBack(view) {
  const next = state.rows.get(view.next);
  if (!next || !view.times.end) return '';
  const between = (next.begun_ms - view.row.begun_ms) * 1000 - view.times.end;
  return h(
    'p.note',
    {},
    h('a', { href: `#/x/${view.next}/conversation` }, say('output_after', { time: span(Math.max(0, between)) })),
  );
}

/// One item.
export function itemCard(item, calls, keep, { answer = false } = {}) {
  const entry = calls.get(item.call_id) ?? {};
  const orphan = item.kind === 'output' && !entry.call && calls.size > 0;
  const head = h(
    'div.head',
    {},
    h(`span.role.${roleClass(item)}`, {}, roleOf(item)),
    item.name ? h('code.name', {}, visible(cut(item.name, 80))) : null,
    item.new ? badge(say('new_item'), 'new') : null,
    item.status && item.status !== 'completed'
      ? badge(visible(cut(item.status, 40)), item.status === 'incomplete' ? 'warn' : '')
      : null,
    orphan ? badge(say('orphan'), 'warn') : null,
    h('span.grow'),
    h(
      'span.meta',
      {},
      [
        item.from_us !== null
          ? `${span(item.from_us)}${item.until_us !== null ? ` → ${span(item.until_us)}` : ''}`
          : null,
        item.bytes ? size(item.bytes) : null,
        item.at,
      ]
        .filter(Boolean)
        .join(' · '),
    ),
    copyButton(() => textOfItem(item), say('copy'), `copy ${keep}`),
  );
  return h(
    `article.item.${item.kind}`,
    { 'data-at': item.at },
    head,
    bodyOfItem(item, keep),
    item.kind === 'call' ? outputOf(item, entry, keep, answer) : null,
  );
}

function roleClass(item) {
  if (item.kind !== 'message') return `kind-${item.kind}`;
  return ['user', 'assistant', 'system', 'developer', 'tool'].includes(item.role) ? `role-${item.role}` : 'role-other';
}

function roleOf(item) {
  if (item.kind !== 'message') return sayOr('kind_', item.kind);
  return visible(cut(sayOr('role_', item.role), 40));
}

function bodyOfItem(item, keep) {
  if (item.call) return callBody(item.call, keep);
  return item.parts.map((part, index) => partOf(part, `${keep} ${index}`));
}

export function partOf(part, keep) {
  switch (part.kind) {
    case 'text':
      return longText(part.text, { keep });
    case 'image':
      return picture(part.url, part.bytes);
    default:
      return jsonTree(part.value, { tools: false, depth: 2 });
  }
}

function callBody(call, keep) {
  switch (call.kind) {
    case 'command':
      return [
        call.why ? h('p.why', {}, foreign(call.why)) : null,
        longText(call.command, { selector: 'pre.shell', keep }),
        call.workdir || call.timeout_ms
          ? h(
              'p.meta',
              {},
              [
                call.workdir ? say('workdir', { dir: visible(call.workdir) }) : null,
                call.timeout_ms ? say('timeout', { time: span(call.timeout_ms * 1000) }) : null,
              ]
                .filter(Boolean)
                .join(' · '),
            )
          : null,
      ];
    case 'patch':
      return patchText(call.patch, keep);
    case 'plan':
      return [
        call.explanation ? h('p.why', {}, foreign(call.explanation)) : null,
        h(
          'ul.plan',
          {},
          call.steps.map((step) =>
            h(
              `li.${['completed', 'in_progress'].includes(step.status) ? step.status : 'pending'}`,
              {},
              h('span', { 'aria-hidden': 'true' }, { completed: '☑', in_progress: '◐' }[step.status] ?? '☐'),
              h('span.off-screen', {}, `${sayOr('step_', step.status)}: `),
              foreign(step.step),
            ),
          ),
        ),
      ];
    default:
      return typeof call.arguments === 'string'
        ? longText(call.arguments, { keep })
        : jsonTree(call.arguments, { tools: false, depth: 2 });
  }
}

function outputOf(item, entry, keep, answer) {
  if (!item.output) return answer ? null : h('p.note', {}, say('output_missing'));
  const bytes =
    entry.output?.bytes ?? item.output.reduce((sum, part) => sum + (part.text?.length ?? part.bytes ?? 0), 0);
  return h(
    'div.output',
    {},
    h(
      'div.head',
      {},
      h('span.role.kind-output', {}, say('output')),
      entry.output?.new ? badge(say('new_item'), 'new') : null,
      h('span.grow'),
      h('span.meta', {}, [size(bytes), item.call_id].filter(Boolean).map(visible).join(' · ')),
      copyButton(() => item.output.map(textOfPart).join('\n'), say('copy'), `copy output ${keep}`),
    ),
    item.output.map((part, index) => partOf(part, `${keep} output ${index}`)),
  );
}

export function textOfItem(item) {
  if (item.call?.kind === 'command') return item.call.command;
  if (item.call?.kind === 'patch') return item.call.patch;
  if (item.call)
    return typeof item.call.arguments === 'string'
      ? item.call.arguments
      : JSON.stringify(item.call.arguments ?? item.call, null, 2);
  return item.parts.map(textOfPart).join('\n');
}

function textOfPart(part) {
  if (part.kind === 'text') return part.text;
  return part.kind === 'image' ? part.url : JSON.stringify(part.value, null, 2);
}

/// The answers to the original and to its repetition, side by side.
function besideTheOriginal(view, actions) {
  const section = h('section.beside', { 'aria-label': say('beside') }, h('h3', {}, say('beside')));
  const columns = h('div.columns', {}, h('p.note', {}, say('loading')));
  section.append(columns);
  api.view(view.row.replay_of).then(
    (original) => {
      columns.replaceChildren(
        column(
          say('original'),
          original,
          h('a', { href: `#/x/${original.row.id}/conversation` }, say('open_original')),
        ),
        column(say('this_one'), view),
      );
    },
    (error) => columns.replaceChildren(h('p.note', {}, error.message)),
  );
  actions.onUpdate?.((now) => {
    if (columns.children.length === 2) columns.lastChild.replaceWith(column(say('this_one'), now));
  });
  return section;
}

function column(title, view, link = null) {
  const { row } = view;
  const facts = [
    row.model,
    row.tokens.input !== null ? `${number(row.tokens.input)} → ${number(row.tokens.output ?? 0)}` : null,
    span(row.times.end),
    row.tokens.decode_rate ? say('g_rate', { n: number(row.tokens.decode_rate, 1) }) : null,
  ];
  return h(
    'div.column',
    {},
    h('div.head', {}, h('strong', {}, title), h('span.grow'), link),
    h('p.meta', {}, facts.filter(Boolean).map(visible).join(' · ')),
    view.answer.length
      ? view.answer.map((item) => itemCard(item, new Map(), `${row.id} beside ${item.at}`, { answer: true }))
      : h('p.note', {}, sayOr('state_', row.state)),
  );
}
