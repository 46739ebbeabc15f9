// All that the page knows and was told to remember. Others read and change it; `app.js` draws what follows.

const KEY = 'ollama-forward';

/// What outlives a reload.
const kept = {
  lang: null,
  theme: 'auto',
  paused: false,
  grouped: true,
  follow: true,
  showSystem: false,
  allHistory: false,
  wide: false,
  /// The figures of an exchange are folded away.
  brief: null,
};

try {
  Object.assign(kept, JSON.parse(localStorage.getItem(KEY) ?? '{}'));
} catch {
  // A browser that keeps nothing, or something that is not ours: the defaults.
}

export const state = {
  ...kept,
  /// `/api/v1/state`
  server: null,
  connected: false,
  signedOut: false,
  /// The exchange of which a repetition was asked for, and is waited for.
  awaited: null,
  /// By id, and the ids with the newest first.
  rows: new Map(),
  order: [],
  more: false,
  /// How far back the rows are complete.
  reached: null,
  total: 0,
  loaded: false,
  /// By key.
  sessions: new Map(),
  filter: '',
  /// What the filter found: {ids, hits, total, more, error}.
  found: null,
  /// Nodes of the tree that are open, or closed, against their habit.
  turned: new Map(),
  /// The line that the keys move: its key.
  cursor: null,
  selected: null,
  tab: 'conversation',
  /// What happened while paused.
  held: new Map(),
  heldGone: new Set(),
  missedReset: false,
  /// The call that diffs are made against; null: the previous one.
  against: null,
  exported: false,
};

/// Changes one of the things that are kept.
export function remember(name, value) {
  state[name] = value;
  kept[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // It holds until the page is closed.
  }
}

/// Takes in a row, new or changed. Ids sort by time.
export function putRow(row) {
  if (!state.rows.has(row.id)) state.order.splice(placeOf(row.id), 0, row.id);
  state.rows.set(row.id, row);
}

/// Many rows at once.
export function putRows(rows) {
  for (const row of rows) state.rows.set(row.id, row);
  state.order = [...state.rows.keys()].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
}

export function dropRow(id) {
  if (!state.rows.delete(id)) return;
  const at = state.order.indexOf(id);
  if (at >= 0) state.order.splice(at, 1);
}

function placeOf(id) {
  let [low, high] = [0, state.order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (state.order[middle] > id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// What the server lets one do. A file that was exported allows nothing.
export function mayWrite() {
  return !state.exported && state.server?.capture?.can_write !== false;
}

export function mayReplay() {
  return !state.exported && state.server?.capture?.can_replay !== false;
}

const OVER = new Set(['done', 'failed', 'aborted', 'refused', 'lost']);

export function isOver(row) {
  return OVER.has(row.state);
}

/// Whether somebody has to look at it.
export function isBad(row) {
  return row.error !== null || ['failed', 'aborted', 'refused', 'lost'].includes(row.state) || (row.status ?? 0) >= 400;
}
