// The sides of an exchange next to each other, with what the translation did to them; their bytes, heads and tools.

import { cut, foreign, h, visible } from './dom.js';
import { badge, button, choices, copyButton, fold, longText, problem } from './parts.js';
import { jsonTree } from './tree.js';
import { itemCard } from './items.js';
import { number, say, sayOr, size, span, told } from './words.js';
import { api, bodyOf, hasServer } from './api.js';

const PANES = ['client_request', 'upstream_request', 'upstream_response', 'client_response'];
/// A larger body becomes a tree only when asked for.
const BIG = 2_000_000;
/// Bytes of a body that are put on the page at once.
const CHUNK_BYTES = 65_536;
const HEX_BYTES = 4096;

/// How each side is shown, and which attempt: kept while the page is open.
const shownAs = {};
const shownAttempt = {};
let rawChoice = { pane: null, mode: 'tree' };

/// The last attempt of each side, or the chosen one.
function sidesOf(view) {
  return PANES.map((name) => {
    const attempts = view.panes.filter((pane) => pane.pane === name);
    const chosen = attempts.find((pane) => pane.attempt === shownAttempt[name]);
    return { name, attempts, pane: chosen ?? attempts[attempts.length - 1] };
  }).filter((side) => side.pane);
}

export function panesTab(panel, view) {
  const grid = h('div.panes');
  const cards = new Map();
  const draw = (now) => {
    view = now;
    const sides = sidesOf(view);
    grid.dataset.sides = sides.length;
    for (const side of sides) {
      const known = cards.get(side.name);
      const stamp = `${side.pane.attempt} ${side.pane.kept} ${side.pane.ended_us} ${side.attempts.length}`;
      if (known?.stamp === stamp) continue;
      const entry = known ?? {};
      const { card, filled } = paneCard(view, side, () => {
        entry.stamp = null;
        draw(view);
      });
      entry.card ??= card;
      entry.stamp = stamp;
      cards.set(side.name, entry);
      // The old one stays until the new one is complete, and is scrolled to the same place.
      filled.then(() => putInPlace(entry, card));
      if (!known) grid.append(card);
    }
    for (const [index, name] of PANES.filter((one) => cards.has(one)).entries()) {
      if (grid.children[index] !== cards.get(name).card) grid.insertBefore(cards.get(name).card, grid.children[index]);
    }
  };
  draw(view);
  const notes = h('div');
  panel.append(grid, notes);
  const drawNotes = () => notes.replaceChildren(notesOf(view));
  drawNotes();
  return (now) => {
    const had = view.notes.length;
    draw(now);
    if (now.notes.length !== had) drawNotes();
  };
}

function putInPlace(entry, card) {
  if (entry.card === card) return;
  const old = entry.card.querySelector('.body');
  const held = entry.card.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
  entry.card.replaceWith(card);
  entry.card = card;
  card.querySelector('.body').scrollTop = old.scrollTop;
  if (held) card.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

function paneCard(view, { name, attempts, pane }, redraw) {
  const modes = [
    ['conversation', say('as_conversation')],
    ['tree', say('as_tree')],
    ['raw', say('as_raw')],
  ];
  const mode = shownAs[name] ?? 'conversation';
  const body = h('div.body', { tabIndex: 0, role: 'group', 'aria-label': say(name) });
  const filled = fillBody(body, view, pane, mode);
  const card = h(
    'section.pane',
    { 'aria-label': say(name) },
    h(
      'div.head',
      {},
      h('h3', {}, say(name)),
      h('span.grow'),
      attempts.length > 1
        ? choices(
            say(name),
            attempts.map((one) => [one.attempt, say('attempt', { n: one.attempt + 1 })]),
            pane.attempt,
            (n) => {
              shownAttempt[name] = n;
              redraw();
            },
            `attempt ${name}`,
          )
        : null,
      choices(
        say('as_what'),
        modes,
        mode,
        (to) => {
          shownAs[name] = to;
          redraw();
        },
        `as ${name}`,
      ),
    ),
    h('p.meta', {}, firstLine(pane)),
    h('p.meta', {}, factsOf(pane)),
    body,
  );
  return { card, filled };
}

function firstLine(pane) {
  const { head } = pane;
  if (!head) return '';
  const text = head.method
    ? `${head.method} ${head.target ?? ''}${head.to ? ` → ${head.to}` : ''}`
    : `${head.status ?? ''} ${head.version}`;
  return h('code', {}, visible(cut(text, 300)));
}

function factsOf(pane) {
  const facts = [pane.form, size(pane.size), pane.head ? span(pane.head.at_us) : null].filter(Boolean).join(' · ');
  return [
    facts,
    pane.kept < pane.size
      ? [' ', badge(say('cut_body', { kept: size(pane.kept), size: size(pane.size) }), 'warn')]
      : null,
    pane.redacted ? [' ', badge(say('redacted', { n: pane.redacted }), 'private')] : null,
  ];
}

/// Fills a box with a body, in one of its forms.
async function fillBody(box, view, pane, mode) {
  if (pane.kept === 0) {
    box.replaceChildren(h('p.note', {}, say(pane.ended_us === null ? 'no_bytes' : 'empty_body')));
    return;
  }
  // Only the client's request has outputs with their calls.
  const look = { answer: pane.pane !== 'client_request' };
  try {
    if (mode === 'conversation') {
      const items = itemsOfPane(view, pane) ?? looseItems(await jsonOf(view, pane));
      if (items?.length)
        return void box.replaceChildren(
          ...items.map((item) => itemCard(item, new Map(), `${view.row.id} ${pane.pane} ${item.at}`, look)),
        );
    }
    if (mode === 'tree' && pane.form !== 'text' && pane.form !== 'binary')
      return void box.replaceChildren(await treeOf(view, pane));
    box.replaceChildren(rawBody(await bodyOf(view, pane), pane));
  } catch (error) {
    box.replaceChildren(problem(error));
  }
}

/// What is understood of a side anyway. Null: its body has to be looked into.
function itemsOfPane(view, pane) {
  switch (pane.pane) {
    case 'client_request':
      return view.conversation;
    case 'client_response':
      return view.answer;
    case 'upstream_response':
      return view.upstream_answer.length ? view.upstream_answer : view.answer;
    default:
      return view.row.lane === 'translated' ? null : view.conversation;
  }
}

async function jsonOf(view, pane) {
  if (pane.form !== 'json' || pane.kept > BIG) return null;
  try {
    return JSON.parse(new TextDecoder().decode(await bodyOf(view, pane)));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/// Messages of a chat request, as items.
function looseItems(json) {
  if (!Array.isArray(json?.messages)) return null;
  return json.messages.flatMap((message, index) => itemsOfMessage(message ?? {}, `messages[${index}]`));
}

function itemsOfMessage(message, at) {
  const base = {
    call: null,
    output: null,
    new: false,
    from_us: null,
    until_us: null,
    status: null,
    name: null,
    call_id: null,
    role: String(message.role ?? ''),
  };
  const items = [];
  const thinking = message.thinking ?? message.reasoning;
  if (thinking)
    items.push({
      ...base,
      kind: 'reasoning',
      parts: [text(thinking)],
      bytes: String(thinking).length,
      at: `${at}.thinking`,
    });
  const { content } = message;
  const isOutput = message.role === 'tool';
  if (content !== undefined && content !== null && content !== '') {
    const parts = typeof content === 'string' ? [text(content)] : [{ kind: 'json', value: content }];
    items.push({
      ...base,
      kind: isOutput ? 'output' : 'message',
      name: message.tool_name ?? message.name ?? null,
      call_id: message.tool_call_id ?? null,
      parts,
      bytes: JSON.stringify(content).length,
      at,
    });
  }
  for (const [index, call] of (Array.isArray(message.tool_calls) ? message.tool_calls : []).entries()) {
    const made = call?.function ?? {};
    items.push({
      ...base,
      kind: 'call',
      name: String(made.name ?? ''),
      call_id: call?.id ?? null,
      parts: [{ kind: 'json', value: parsed(made.arguments) }],
      bytes: JSON.stringify(call).length,
      at: `${at}.tool_calls[${index}]`,
    });
  }
  return items;
}

const text = (value) => ({ kind: 'text', text: String(value) });

function parsed(value) {
  if (typeof value !== 'string') return value ?? null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

async function treeOf(view, pane) {
  if (pane.kept > BIG) {
    const box = h('div');
    box.append(
      button(say('read_big', { size: size(pane.kept) }), async () => {
        box.replaceChildren(h('p.note', {}, say('loading')));
        try {
          box.replaceChildren(parseBody(await bodyOf(view, pane), pane));
        } catch (error) {
          box.replaceChildren(problem(error));
        }
      }),
    );
    return box;
  }
  return parseBody(await bodyOf(view, pane), pane);
}

function parseBody(bytes, pane) {
  const body = new TextDecoder().decode(bytes);
  try {
    const value =
      pane.form === 'sse'
        ? eventsOf(body)
        : pane.form === 'ndjson'
          ? body
              .split('\n')
              .filter((line) => line.trim())
              .map(parsed)
          : JSON.parse(body);
    return jsonTree(value, { depth: 1, label: say(pane.pane) });
  } catch (error) {
    return h(
      'div',
      {},
      h('p.note', {}, say('no_json', { why: '' }), foreign(cut(error.message, 200))),
      rawBody(bytes, pane),
    );
  }
}

/// The events of a stream of them, each with its data.
function eventsOf(body) {
  const events = [];
  let now = null;
  for (const line of body.split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (now) events.push({ ...now, data: parsed(now.data) });
      now = null;
      continue;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name !== 'event' && name !== 'data' && name !== 'id') continue;
    now ??= {};
    now[name] = name === 'data' && now.data !== undefined ? `${now.data}\n${value}` : value;
  }
  if (now) events.push({ ...now, data: parsed(now.data) });
  return events;
}

/// Bytes as text, piece by piece as one scrolls there.
export function rawBody(bytes, pane) {
  if (pane.form === 'binary')
    return h('div', {}, h('p.note', {}, say('binary_body')), h('pre.raw', {}, hexDump(bytes.subarray(0, HEX_BYTES))));
  const box = h('div.chunks');
  const decoder = new TextDecoder();
  const rest = h('div.rest');
  let from = 0;
  const more = () => {
    const until = lineEnd(bytes, Math.min(bytes.length, from + CHUNK_BYTES));
    rest.before(
      h('pre.raw', {}, visible(decoder.decode(bytes.subarray(from, until), { stream: until < bytes.length }))),
    );
    from = until;
    rest.replaceChildren(
      from < bytes.length
        ? button(say('show_more', { size: size(bytes.length - from) }), more, { className: 'quiet' })
        : '',
    );
    // Seen anew, it tells again whether it is in sight.
    watch.disconnect();
    if (from < bytes.length) watch.observe(rest);
  };
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && from < bytes.length) more();
  });
  box.append(rest);
  more();
  return box;
}

/// Just after the last line end shortly before `at`, so that pieces end with lines where there are lines.
function lineEnd(bytes, at) {
  if (at >= bytes.length) return bytes.length;
  const near = bytes.lastIndexOf(10, at);
  return near > at - CHUNK_BYTES / 4 ? near + 1 : at;
}

const printable = (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.');

function hexDump(bytes) {
  const lines = [];
  for (let from = 0; from < bytes.length; from += 16) {
    const row = [...bytes.subarray(from, from + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    lines.push(`${from.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${row.map(printable).join('')}`);
  }
  return lines.join('\n');
}

function notesOf(view) {
  if (view.row.lane !== 'translated' && !view.notes.length) return '';
  return h(
    'section.notes',
    {},
    h('h3', {}, say('notes')),
    view.notes.length
      ? h(
          'ul',
          {},
          view.notes.map((note) =>
            h(
              'li',
              {},
              badge(sayOr('note_', note.kind), note.kind === 'dropped' ? 'warn' : ''),
              note.at ? h('code', {}, visible(cut(note.at, 200))) : null,
              foreign(cut(told(note.text), 1000)),
            ),
          ),
        )
      : h('p.note', {}, say('notes_none')),
  );
}

/// One body, at full width.
export function rawTab(panel, view) {
  const box = h('div.full');
  const bar = h('div.bar');
  panel.append(bar, box);
  let stamp = null;
  const draw = (force) => {
    const pane = view.panes.find((one) => `${one.pane}.${one.attempt}` === rawChoice.pane) ?? view.panes[0];
    if (!pane) return void bar.replaceChildren(h('p.note', {}, say('empty_body')));
    const now = `${pane.pane} ${pane.attempt} ${pane.kept} ${view.panes.length}`;
    if (now === stamp && !force) return;
    stamp = now;
    bar.replaceChildren(
      ...rawTools(view, pane, (choice) => {
        rawChoice = { ...rawChoice, ...choice };
        draw(true);
      }),
    );
    fillBody(box, view, pane, rawChoice.mode);
  };
  draw(true);
  return (now) => {
    view = now;
    draw(false);
  };
}

function rawTools(view, pane, choose) {
  const sides = view.panes.map((one) => [
    `${one.pane}.${one.attempt}`,
    say(one.pane) + (one.attempt ? ` (${say('attempt', { n: one.attempt + 1 })})` : ''),
  ]);
  return [
    choices(say('tab_panes'), sides, `${pane.pane}.${pane.attempt}`, (to) => choose({ pane: to })),
    choices(
      say('as_what'),
      [
        ['tree', say('as_tree')],
        ['raw', say('as_raw')],
      ],
      rawChoice.mode,
      (mode) => choose({ mode }),
    ),
    h('span.grow'),
    h('span.meta', {}, factsOf(pane)),
    copyButton(async () => new TextDecoder().decode(await bodyOf(view, pane))),
    hasServer()
      ? h(
          'a.button.quiet',
          {
            href: `/api/v1/exchanges/${view.row.id}/body/${pane.pane}?attempt=${pane.attempt}&download=1`,
            download: `${view.row.id}.${pane.pane}.${pane.form === 'json' ? 'json' : 'txt'}`,
          },
          say('e_do'),
        )
      : '',
  ];
}

export function headersTab(panel, view) {
  const grid = h('div.panes.heads');
  panel.append(grid);
  const draw = () => {
    grid.dataset.sides = view.panes.length;
    grid.replaceChildren(...view.panes.map(headCard));
  };
  draw();
  let known = view.panes.filter((pane) => pane.head).length;
  return (now) => {
    view = now;
    const many = now.panes.filter((pane) => pane.head).length;
    if (many !== known) draw();
    known = many;
  };
}

function headCard(pane) {
  const title = say(pane.pane) + (pane.attempt ? ` (${say('attempt', { n: pane.attempt + 1 })})` : '');
  const headers = pane.head?.headers ?? [];
  return h(
    'section.pane',
    { 'aria-label': title },
    h(
      'div.head',
      {},
      h('h3', {}, title),
      h('span.grow'),
      pane.redacted ? badge(say('redacted', { n: pane.redacted }), 'private') : null,
      headers.length
        ? copyButton(() => headers.map(([name, value]) => `${name}: ${value}`).join('\n'), say('copy'), `copy ${title}`)
        : null,
    ),
    h('p.meta', {}, firstLine(pane)),
    headers.length
      ? h(
          'table',
          {},
          h(
            'thead',
            {},
            h('tr', {}, h('th', { scope: 'col' }, say('h_name')), h('th', { scope: 'col' }, say('h_value'))),
          ),
          h(
            'tbody',
            {},
            headers.map(([name, value]) =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, visible(name)),
                h(
                  'td',
                  {},
                  value.length > 300
                    ? longText(value, { first: 240, keep: `header ${title} ${name}` })
                    : visible(value),
                ),
              ),
            ),
          ),
        )
      : h('p.note', {}, say('h_none')),
  );
}

export function toolsTab(panel, view) {
  const tokens = view.tools.reduce((sum, tool) => sum + tool.tokens, 0);
  panel.append(
    h(
      'p.lead',
      {},
      view.tools.length ? say('tools_sum', { n: view.tools.length, tokens: number(tokens) }) : say('tools_none'),
    ),
    h(
      'div.tools-list',
      {},
      view.tools.map((tool) => toolFold(tool, view.row.id)),
    ),
  );
  return null;
}

function toolFold(tool, id) {
  const title = [
    h('code.name', {}, visible(cut(tool.name || tool.kind, 100))),
    badge(visible(cut(tool.kind, 40))),
    tool.changed ? badge(sayOr('tool_', tool.changed), 'new') : null,
    tool.called ? badge(say('tool_called', { n: tool.called }), 'good') : null,
    h('span.grow'),
    h('span.meta', {}, `${say('tool_tokens', { n: tool.tokens })} · ${size(tool.bytes)}`),
  ];
  return fold(
    title,
    () => [
      tool.description
        ? longText(tool.description, { selector: 'p.description', keep: `tool ${id} ${tool.name}` })
        : null,
      h('h4', {}, say('schema')),
      jsonTree(tool.schema, { depth: 3, tools: false, label: say('schema') }),
    ],
    { keep: `tool ${tool.name}`, className: 'tool' },
  );
}
