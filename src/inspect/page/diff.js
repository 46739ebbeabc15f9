// How one request differs from another: what is new first, then what is gone or changed, field by field.

import { cut, h, visible } from './dom.js';
import { badge, dotted, fold, longText, patchText, problem } from './parts.js';
import { itemCard } from './items.js';
import { moment, say, sayOr } from './words.js';
import { api, hasServer } from './api.js';
import { state } from './state.js';

/// Calls that can be chosen to compare with.
const MOST_CHOICES = 200;

export function diffTab(panel, view) {
  if (!hasServer()) {
    panel.append(h('p.note', {}, say('d_needs_server')));
    return null;
  }
  const box = h('div');
  const choice = h(
    'select',
    {
      'data-keep': 'against',
      on: {
        change: () => {
          state.against = choice.value || null;
          load();
        },
      },
    },
    optionsFor(view),
  );
  const load = () => fill(box, view, choice.value || null);
  panel.append(h('div.bar', {}, h('label', {}, say('d_against'), ' ', choice)), box);
  load();
  return null;
}

/// The previous call, the marked ones, and the neighbours in the session.
function optionsFor(view) {
  const { row } = view;
  const others = state.order
    .map((id) => state.rows.get(id))
    .filter(
      (one) =>
        one.id !== row.id && !one.probe && (one.marked || one.session === row.session || one.id === row.replay_of),
    );
  others.sort((a, b) => Number(b.marked) - Number(a.marked));
  const chosen = others.some((one) => one.id === state.against) ? state.against : null;
  return [
    h('option', { value: '', selected: chosen === null }, say('d_previous')),
    others
      .slice(0, MOST_CHOICES)
      .map((one) => h('option', { value: one.id, selected: one.id === chosen }, nameOf(one, row))),
  ];
}

function nameOf(one, row) {
  return dotted(
    one.marked ? '★' : null,
    one.id === row.replay_of ? say('original') : null,
    moment(one.begun_ms),
    visible(cut(one.model, 30)),
    visible(cut(one.user ?? one.path, 50)),
  );
}

async function fill(box, view, other) {
  if (!other && !view.previous) {
    box.replaceChildren(h('p.note', {}, say('d_first')));
    return;
  }
  box.replaceChildren(h('p.note', {}, say('loading')));
  try {
    const diff = await api.diff(view.row.id, other ?? 'previous');
    box.replaceChildren(...sections(diff, view.row.id));
  } catch (error) {
    box.replaceChildren(error.status === 404 && !other ? h('p.note', {}, say('d_first')) : problem(error));
  }
}

function sections(diff, id) {
  const parts = [
    [say('d_added'), 'added', diff.added.map((item) => itemCard(item, new Map(), `${id} added ${item.at}`))],
    [say('d_removed'), 'removed', diff.removed.map((item) => itemCard(item, new Map(), `${id} removed ${item.at}`))],
    [say('d_changed'), 'changed', diff.changed.map((change) => changedItem(change, id))],
    [say('d_tools'), 'tools', diff.tools.map((tool) => toolChange(tool))],
    [say('d_fields'), 'fields', diff.fields.length ? [fieldTable(diff.fields)] : []],
  ].filter(([, , children]) => children.length);
  const lead = h(
    'p.lead',
    {},
    say('d_same', { n: diff.same }),
    diff.from
      ? [
          ' · ',
          h(
            'a',
            { href: `#/x/${diff.from}/conversation` },
            moment(state.rows.get(diff.from)?.begun_ms ?? parseInt(diff.from.slice(0, 11), 16)),
          ),
        ]
      : null,
  );
  if (!parts.length) return [lead, h('p.note', {}, say('d_nothing'))];
  return [
    lead,
    ...parts.map(([title, name, children]) =>
      h(
        `section.diff-${name}`,
        {},
        h('h3', {}, title, ' ', h('span.count', {}, name === 'fields' ? diff.fields.length : children.length)),
        children,
      ),
    ),
  ];
}

function changedItem(change, id) {
  return h(
    'article.item',
    {},
    h('div.head', {}, h('code', {}, visible(change.at)), h('span.meta', {}, sayOr('kind_', change.after.kind))),
    patchText(change.lines, `${id} changed ${change.at}`),
  );
}

function toolChange(tool) {
  const title = [
    h('code.name', {}, visible(tool.name)),
    badge(sayOr('how_', tool.how), tool.how === 'removed' ? 'warn' : 'new'),
  ];
  return tool.fields.length
    ? fold(title, () => fieldTable(tool.fields), { keep: `diff tool ${tool.name}`, open: true, className: 'tool' })
    : h('p.tool-line', {}, title);
}

function fieldTable(fields) {
  const cell = (name) => h('th', { scope: 'col' }, name);
  return h(
    'div.scroll',
    { tabIndex: 0, role: 'group', 'aria-label': say('d_fields') },
    h(
      'table.fields',
      {},
      h('thead', {}, h('tr', {}, cell(say('h_name')), cell(say('d_before')), cell(say('d_after')))),
      h(
        'tbody',
        {},
        fields.map((field) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, h('code', {}, visible(field.path))),
            valueCell(field.before, 'minus'),
            valueCell(field.after, 'plus'),
          ),
        ),
      ),
    ),
  );
}

function valueCell(value, kind) {
  if (value === null || value === undefined) return h('td.none', {}, say('d_missing'));
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
  return h(`td.${kind}`, {}, longText(text, { first: 600, selector: 'pre.value' }));
}
