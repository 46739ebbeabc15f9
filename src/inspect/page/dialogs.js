// Windows that ask or tell: help, settings, export, comment, replay, and "are you sure".

import { h, visible } from './dom.js';
import { button, tell } from './parts.js';
import { LANGUAGES, number, say, size } from './words.js';
import { api, bodyOf } from './api.js';
import { mayWrite, state } from './state.js';

/// Opens a window. Closing it removes it, and gives the focus back.
function open(title, content, buttons, className = '') {
  const before = document.activeElement;
  const heading = h('h2', { id: 'dialog-title' }, title);
  const dialog = h(
    `dialog${className ? `.${className}` : ''}`,
    { 'aria-labelledby': 'dialog-title' },
    h(
      'div.dialog-head',
      {},
      heading,
      h('span.grow'),
      button('✕', () => dialog.close(), { className: 'icon', title: say('close'), keep: 'close' }),
    ),
    h('div.dialog-body', {}, content),
    h('div.dialog-foot', {}, buttons),
  );
  dialog.querySelector('.dialog-head button').setAttribute('aria-label', say('close'));
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('keydown', (event) => event.stopPropagation());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function isDialogOpen() {
  return document.querySelector('dialog[open]') !== null;
}

/// Gives whether it was confirmed.
export function confirmDialog(text, does) {
  return new Promise((answer) => {
    const dialog = open(
      does,
      h('p', {}, text),
      [
        button(say('cancel'), () => dialog.close(), { className: 'quiet' }),
        button(
          does,
          () => {
            answer(true);
            dialog.close();
          },
          { className: 'danger' },
        ),
      ],
      'small',
    );
    dialog.addEventListener('close', () => answer(false));
  });
}

export function commentDialog(row) {
  return new Promise((answer) => {
    const area = h('textarea', {
      rows: 4,
      value: row.comment ?? '',
      'aria-label': say('comment'),
      placeholder: say('comment_hint'),
      maxlength: 2000,
    });
    const save = () => {
      answer(area.value.trim());
      dialog.close();
    };
    area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
    });
    const dialog = open(
      say('comment'),
      area,
      [
        button(say('cancel'), () => dialog.close(), { className: 'quiet' }),
        button(say('save'), save, { className: 'primary' }),
      ],
      'small',
    );
    dialog.addEventListener('close', () => answer(null));
    area.focus();
  });
}

const KEYBOARD = [
  [['j', 'k', '↓', '↑'], 'k_next'],
  [['Enter'], 'k_enter'],
  [['←', '→'], 'k_fold'],
  [['g', 'G', 'Home', 'End'], 'k_ends'],
  [['/'], 'k_filter'],
  [['1', '…', '7'], 'k_tabs'],
  [['d'], 'k_diff'],
  [['m'], 'k_mark'],
  [['s'], 'k_system'],
  [['f'], 'k_follow'],
  [['p'], 'k_pause'],
  [['w'], 'k_wide'],
  [['Esc'], 'k_esc'],
  [['?'], 'k_help'],
];

export function helpDialog() {
  const dialog = open(
    say('help'),
    [
      h('h3', {}, say('k_title')),
      h(
        'dl.keys',
        {},
        KEYBOARD.map(([keys, name]) =>
          h(
            'div',
            {},
            h(
              'dt',
              {},
              keys.map((key) => (key === '…' ? ' … ' : h('kbd', {}, key))),
            ),
            h('dd', {}, say(name)),
          ),
        ),
      ),
      h('h3', {}, say('filter_help')),
      h(
        'p',
        {},
        h(
          'code',
          {},
          'model:qwen3 tool:exec_command status:5 session:01a1 is:error is:slow is:truncated -is:probe "exact words"',
        ),
      ),
      h('p.note', {}, say('privacy')),
      state.server
        ? h(
            'p.meta',
            {},
            [
              `ollama-forward ${state.server.version}`,
              state.server.capture?.dir ? say('kept_in', { dir: visible(state.server.capture.dir) }) : null,
            ]
              .filter(Boolean)
              .join(' · '),
          )
        : null,
    ],
    button(say('close'), () => dialog.close(), { className: 'primary' }),
  );
}

function radio(name, options, chosen) {
  return h(
    'div.radios',
    { role: 'radiogroup', 'aria-label': name },
    options.map(([value, label, disabled]) =>
      h('label', {}, h('input', { type: 'radio', name, value, checked: value === chosen, disabled }), label),
    ),
  );
}

function picked(dialog, name) {
  return dialog.querySelector(`input[name="${CSS.escape(name)}"]:checked`)?.value;
}

const FORMATS = [
  ['jsonl', 'e_jsonl'],
  ['html', 'e_html'],
  ['markdown', 'e_markdown'],
  ['har', 'e_har'],
  ['curl', 'e_curl'],
  ['codex-capture', 'e_codex'],
];

export function exportDialog() {
  const row = state.rows.get(state.selected);
  const whats = [
    ['this', say('e_this'), !row],
    ['session', say('e_session'), !row],
    ['filter', say('e_filter'), !state.filter],
    ['all', say('e_all')],
  ];
  const dialog = open(
    say('e_title'),
    [
      h('h3', {}, say('e_what')),
      radio(say('e_what'), whats, row ? 'this' : state.filter ? 'filter' : 'all'),
      h('h3', {}, say('e_form')),
      radio(
        say('e_form'),
        FORMATS.map(([value, name]) => [value, say(name)]),
        'jsonl',
      ),
      h('p.note', {}, say('e_privacy')),
    ],
    [
      button(say('cancel'), () => dialog.close(), { className: 'quiet' }),
      button(
        say('e_do'),
        () => {
          const scope = {
            this: { id: row?.id },
            session: { session: row?.session },
            filter: { q: state.filter },
            all: {},
          }[picked(dialog, say('e_what'))];
          download(api.exportPath({ format: picked(dialog, say('e_form')), ...scope }));
          dialog.close();
        },
        { className: 'primary' },
      ),
    ],
    'small',
  );
}

function download(path) {
  const link = h('a', { href: path, download: '' });
  document.body.append(link);
  link.click();
  link.remove();
}

/// Theme, language, what is kept.
export function settingsDialog(actions) {
  const select = (label, options, chosen, change) => {
    const list = h(
      'select',
      { on: { change: () => change(list.value) } },
      options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
    );
    return h('label.setting', {}, label, list);
  };
  const capture = state.server?.capture;
  const dialog = open(
    say('s_title'),
    [
      select(
        say('s_theme'),
        [
          ['auto', say('s_auto')],
          ['light', say('s_light')],
          ['dark', say('s_dark')],
        ],
        state.theme,
        actions.theme,
      ),
      select(say('s_lang'), Object.entries(LANGUAGES), state.lang, (lang) => {
        dialog.close();
        actions.lang(lang);
      }),
      capture
        ? [
            h('h3', {}, say('s_store')),
            h(
              'p',
              {},
              [
                say('n_exchanges', { n: capture.exchanges ?? 0 }),
                say('disk', { used: size(capture.bytes ?? 0), limit: size(capture.limit ?? 0) }),
              ].join(', '),
              capture.dir ? [h('br'), h('code', {}, visible(capture.dir))] : null,
            ),
            h('p.note', {}, say('disk_hint', { n: capture.keep_days ?? 0 })),
            mayWrite()
              ? h(
                  'p',
                  {},
                  button(say('s_prune'), () => prune(), { className: 'quiet', title: say('s_prune_hint') }),
                  ' ',
                  importButton(),
                )
              : null,
            h('p.note', {}, say('privacy')),
          ]
        : null,
    ],
    button(say('close'), () => dialog.close(), { className: 'primary' }),
    'small',
  );
}

async function prune() {
  try {
    const { exchanges = 0, bytes = 0 } = await api.prune();
    tell(say('s_pruned', { n: exchanges, size: size(bytes) }), { quiet: false });
  } catch (error) {
    tell(say('failed_action', { why: error.message }), { quiet: false });
  }
}

function importButton() {
  const file = h('input.off-screen', {
    type: 'file',
    accept: '.jsonl,.ndjson,application/x-ndjson',
    tabIndex: -1,
    'aria-label': say('s_import'),
  });
  file.addEventListener('change', async () => {
    if (!file.files[0]) return;
    try {
      const { imported = 0, failed = 0 } = await api.import(await file.files[0].text());
      const bad = Array.isArray(failed) ? failed.length : failed;
      tell(
        [say('s_imported', { n: imported }), bad ? say('s_import_failed', { n: bad }) : null]
          .filter(Boolean)
          .join(', '),
        { quiet: false },
      );
    } catch (error) {
      tell(say('failed_action', { why: error.message }), { quiet: false });
    }
    file.value = '';
  });
  return [button(say('s_import'), () => file.click(), { className: 'quiet' }), file];
}

/// Sends a request once more: as it was, to another model, or edited. `before` comes before sending, as its row may be
/// here before the server's word.
export function replayDialog(view, { before, done }) {
  const models = [...new Set([...state.rows.values()].map((row) => row.model).filter(Boolean))].sort();
  const model = h('input', {
    type: 'text',
    value: view.row.model,
    list: 'replay-models',
    'aria-label': say('r_model'),
    spellcheck: 'false',
  });
  const area = h('textarea.code', {
    rows: 16,
    spellcheck: 'false',
    'aria-label': say('r_body'),
    'aria-describedby': 'replay-problem',
    hidden: true,
  });
  const fault = h('p.json-problem', { id: 'replay-problem', role: 'status' });
  const edit = h('input', { type: 'checkbox', on: { change: () => showBody() } });
  const redacted = view.panes.find((one) => one.pane === 'client_request')?.redacted ?? 0;
  const send = button(say('r_send'), () => go(), { className: 'primary' });
  const dialog = open(
    say('r_title'),
    [
      h('p', {}, say('r_text')),
      h(
        'label.setting',
        {},
        say('r_model'),
        model,
        h(
          'datalist',
          { id: 'replay-models' },
          models.map((value) => h('option', { value })),
        ),
      ),
      h('label.check', {}, edit, say('r_edit')),
      area,
      fault,
      redacted ? h('p.note', {}, say('r_redacted', { n: redacted })) : null,
    ],
    [button(say('cancel'), () => dialog.close(), { className: 'quiet' }), send],
  );

  model.focus();

  const check = () => {
    const problem = area.hidden ? null : faultOf(area.value);
    fault.textContent = area.hidden ? '' : problem ? say('r_bad', problem) : say('r_good');
    fault.className = `json-problem${problem ? ' bad' : ''}`;
    area.setAttribute('aria-invalid', String(Boolean(problem)));
    send.disabled = Boolean(problem);
    return problem;
  };
  area.addEventListener('input', check);

  async function showBody() {
    if (edit.checked && !area.value) {
      area.value = say('loading');
      area.value = await prettyBody(view).catch((error) => error.message);
    }
    area.hidden = !edit.checked;
    check();
  }

  async function go() {
    const problem = check();
    if (problem) {
      area.focus();
      area.setSelectionRange(problem.at, problem.at + 1);
      return;
    }
    const what = {};
    if (model.value.trim() && model.value.trim() !== view.row.model) what.model = model.value.trim();
    if (edit.checked) what.body = area.value;
    send.disabled = true;
    send.textContent = say('r_sending');
    try {
      before();
      await api.replay(view.row.id, what);
      dialog.close();
      done();
    } catch (error) {
      fault.textContent = say('failed_action', { why: error.message });
      fault.className = 'json-problem bad';
      send.disabled = false;
      send.textContent = say('r_send');
    }
  }
}

async function prettyBody(view) {
  const pane = view.panes.find((one) => one.pane === 'client_request');
  const text = new TextDecoder().decode(await bodyOf(view, pane));
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/// Where a text stops being JSON: `{line, column, at, why}`; null when it is well formed. Browsers say why, but do not
/// always say where.
export function faultOf(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const at = placeOfFault(text);
    const before = text.slice(0, at).split('\n');
    const why = error.message.replace(/, (\.\.\.)?\".*$|\s*(in JSON )?at position.*$/s, '');
    return { at, line: number(before.length), column: number(before[before.length - 1].length + 1), why };
  }
}

const SIGN = /([{}[\],:])/;
const STRING = /("[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\u0000-\u001f]*)*")/;
const WORD = /(true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/;
const TOKEN = new RegExp(`\\s*(?:${SIGN.source}|${STRING.source}|${WORD.source})`, 'y');

/// What may come next, by what came last: a value, a name, or what stands behind one.
const VALUE = 'value';
const FIRST_VALUE = 'first value';
const NAME = 'name';
const FIRST_NAME = 'first name';
const COLON = ':';
const BEHIND = 'behind';

/// The first place at which no JSON can go on.
function placeOfFault(text) {
  const open = [];
  let next = VALUE;
  TOKEN.lastIndex = 0;
  for (;;) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) return Math.min(text.length, from + /^\s*/.exec(text.slice(from))[0].length);
    const start = TOKEN.lastIndex - (found[1] ?? found[2] ?? found[3]).length;
    next = after(next, found, open);
    if (next === null) return start;
  }
}

/// What may follow a token; null: it may not stand here.
function after(next, [, sign, string, word], open) {
  const takesValue = next === VALUE || next === FIRST_VALUE;
  if (sign === undefined) {
    if (takesValue) return BEHIND;
    return string !== undefined && word === undefined && (next === NAME || next === FIRST_NAME) ? COLON : null;
  }
  switch (sign) {
    case '{':
    case '[':
      if (!takesValue) return null;
      open.push(sign);
      return sign === '{' ? FIRST_NAME : FIRST_VALUE;
    case '}':
      return (next === BEHIND || next === FIRST_NAME) && open.pop() === '{' ? BEHIND : null;
    case ']':
      return (next === BEHIND || next === FIRST_VALUE) && open.pop() === '[' ? BEHIND : null;
    case ':':
      return next === COLON ? VALUE : null;
    default:
      if (next !== BEHIND || !open.length) return null;
      return open[open.length - 1] === '{' ? NAME : VALUE;
  }
}
