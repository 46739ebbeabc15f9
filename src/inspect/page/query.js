// The filter's language, as far as the page itself has to know it: what can be completed, and how an export is filtered
// without a server. `capture/query.rs` is the one that counts.

import { isBad, isOver } from './state.js';

export const STATES = [
  'waiting',
  'loading',
  'prefill',
  'thinking',
  'answering',
  'tool',
  'done',
  'failed',
  'aborted',
  'refused',
  'lost',
];

export const IS = [
  'error',
  'slow',
  'truncated',
  'aborted',
  'retried',
  'translated',
  'marked',
  'stream',
  'probe',
  'live',
  'incomplete',
  'compaction',
  'subagent',
  'replay',
];

const APIS = ['responses', 'chat', 'ollama_chat', 'ollama_generate', 'other'];
const AGES = ['10m', '1h', '1d', '7d'];

/// The keys, each with what may follow.
export const KEYS = {
  model: (rows) => distinct(rows, (row) => [row.model]),
  tool: (rows) => distinct(rows, (row) => row.called),
  status: (rows) => distinct(rows, (row) => [row.status === null ? '' : String(row.status)]),
  session: (rows) => distinct(rows, (row) => [row.session]),
  is: () => IS,
  state: () => STATES,
  path: (rows) => distinct(rows, (row) => [row.path]),
  client: (rows) => distinct(rows, (row) => [row.client.split('/')[0]]),
  api: () => APIS,
  after: () => AGES,
  before: () => AGES,
};

/// Enough to choose from.
const MOST_VALUES = 40;

function distinct(rows, of) {
  const found = new Set();
  for (const row of rows) {
    for (const value of of(row)) if (value) found.add(value);
    if (found.size >= MOST_VALUES) break;
  }
  return [...found].sort();
}

/// What may be typed at the end of `text`: whole filters, the best first.
export function completions(text, rows) {
  const word = text.match(/\S*$/)[0];
  const before = text.slice(0, text.length - word.length);
  const bang = word.startsWith('-') ? '-' : '';
  const [key, value] = splitOnce(word.slice(bang.length));
  const words =
    value === null
      ? Object.keys(KEYS)
          .filter((name) => name.startsWith(key))
          .map((name) => `${name}:`)
      : (KEYS[key]?.(rows) ?? [])
          .filter((one) => one.toLowerCase().includes(value.toLowerCase()) && one !== value)
          .map((one) => `${key}:${quoted(one)}`);
  return words.slice(0, 12).map((one) => before + bang + one);
}

function splitOnce(word) {
  const at = word.indexOf(':');
  return at < 0 ? [word, null] : [word.slice(0, at), word.slice(at + 1)];
}

function quoted(value) {
  return /\s/.test(value) ? `"${value.replaceAll('"', '')}"` : value;
}

/// The terms of a filter: `{not, key, value}`.
function terms(text) {
  const found = text.matchAll(/(-|!)?(?:([a-z]+):)?(?:"([^"]*)"|(\S+))/g);
  return [...found].map(([, not, key, inQuotes, plain]) => ({
    not: Boolean(not),
    key,
    value: (inQuotes ?? plain).toLowerCase(),
  }));
}

/// The words around a hit, `''` for a hit in a field, null for none.
export function matchRow(row, text) {
  let hit = '';
  for (const { not, key, value } of terms(text)) {
    const isFilter = key !== undefined && value !== '' && Object.hasOwn(KEYS, key);
    const found = isFilter ? (HOLDS[key](row, value) ? '' : null) : matchText(row, key ? `${key}:${value}` : value);
    if ((found !== null) === not) return null;
    hit ||= found ?? '';
  }
  return hit;
}

const has = (text, value) => (text ?? '').toLowerCase().includes(value);
const starts = (text, value) => (text ?? '').toLowerCase().startsWith(value);

const HOLDS = {
  model: (row, value) => has(row.model, value),
  tool: (row, value) => row.called.some((name) => has(name, value)),
  status: (row, value) => String(row.status ?? '').startsWith(value.replace(/x+$/, '')),
  session: (row, value) => row.session.toLowerCase() === value || starts(row.thread.session_id, value),
  is: (row, value) => Object.hasOwn(IS_SO, value) && IS_SO[value](row),
  state: (row, value) => row.state === value,
  path: (row, value) => has(row.path, value),
  client: (row, value) => has(row.client, value),
  api: (row, value) => row.api === value.replaceAll('-', '_'),
  after: (row, value) => row.begun_ms >= momentOf(value),
  before: (row, value) => row.begun_ms < momentOf(value),
};

/// Microseconds, as `is:slow` has them: until the first token, and in all.
const SLOW_FIRST_TOKEN_US = 10_000_000;
const SLOW_TOTAL_US = 60_000_000;

const IS_SO = {
  error: (row) => row.state !== 'aborted' && isBad(row),
  slow: (row) => row.times.first_token >= SLOW_FIRST_TOKEN_US || row.times.end >= SLOW_TOTAL_US,
  truncated: (row) => row.context.level === 'cut',
  aborted: (row) => row.state === 'aborted',
  retried: (row) => row.notes.retried > 0 || row.notes.resumed > 0,
  translated: (row) => row.lane === 'translated',
  marked: (row) => row.marked,
  stream: (row) => row.stream,
  probe: (row) => row.probe,
  live: (row) => !isOver(row),
  incomplete: (row) => row.incomplete,
  compaction: (row) => row.thread.kind === 'compaction',
  subagent: (row) => row.thread.kind === 'subagent' || row.thread.parent_thread_id !== null,
  replay: (row) => row.replay_of !== null,
};

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/// `2h` ago, or a date.
function momentOf(value) {
  const [, many, unit] = /^(\d+)([smhd])$/.exec(value) ?? [];
  return many ? Date.now() - many * UNITS_MS[unit] : Date.parse(value);
}

function matchText(row, value) {
  for (const text of [row.user, row.text, row.reasoning, row.comment, row.path, row.model, row.error?.text]) {
    const at = (text ?? '').toLowerCase().indexOf(value);
    if (at >= 0) return text.slice(Math.max(0, at - 40), at + value.length + 60);
  }
  return null;
}
