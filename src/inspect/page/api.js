// Where the data comes from: the server, or the document itself when it is an export. Nothing here draws.

import { state } from './state.js';
import { matchRow } from './query.js';
import { spoken } from './words.js';

const ROOT = '/api/v1';
let data = null;

/// Reads what an export brings along. Gives whether this is one.
export function readExport() {
  const script = document.getElementById('data');
  if (!script) return false;
  data = JSON.parse(script.textContent);
  data.views = new Map((data.views ?? []).map((view) => [view.row.id, view]));
  return true;
}

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const answer = await fetch(ROOT + path, { credentials: 'same-origin', cache: 'no-store', ...options });
  if (!answer.ok) throw new ApiError(answer.status, await reasonOf(answer));
  return answer;
}

/// The server's own words, where it has some.
async function reasonOf(answer) {
  const text = await answer.text().catch(() => '');
  try {
    const { error } = JSON.parse(text);
    return typeof error === 'string' ? error : (error?.[spoken()] ?? error?.message ?? text);
  } catch {
    return text || `${answer.status} ${answer.statusText}`;
  }
}

function send(method, path, body) {
  const headers = { 'content-type': 'application/json' };
  return ask(path, { method, headers, body: JSON.stringify(body ?? {}) }).then(jsonOrNothing);
}

async function jsonOrNothing(answer) {
  const text = await answer.text();
  return text ? JSON.parse(text) : {};
}

const query = (pairs) => {
  const search = new URLSearchParams(
    Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  );
  return search.size ? `?${search}` : '';
};

export const api = {
  async state() {
    if (data)
      return {
        version: data.version ?? '',
        lang: data.lang ?? navigator.language?.slice(0, 2),
        capture: null,
        forward: null,
      };
    return (await ask('/state')).json();
  },

  async sessions() {
    if (data) return data.sessions ?? [];
    return (await (await ask('/sessions')).json()).sessions;
  },

  /// The newest first.
  async rows({ q, session, before, limit }) {
    if (data) return rowsOfExport(q);
    return (await ask(`/exchanges${query({ q, session, before, limit })}`)).json();
  },

  async view(id) {
    if (data) {
      const view = data.views.get(id);
      if (!view) throw new ApiError(404, id);
      return view;
    }
    return (await ask(`/exchanges/${id}`)).json();
  },

  /// The bytes of one side.
  async body(id, pane, attempt) {
    if (data) return new TextEncoder().encode(bodyOfExport(id, pane, attempt));
    const answer = await ask(`/exchanges/${id}/body/${pane}${query({ attempt: attempt || null })}`);
    return new Uint8Array(await answer.arrayBuffer());
  },

  async diff(id, other) {
    if (data) throw new ApiError(404, 'export');
    return (await ask(`/exchanges/${id}/diff/${other}`)).json();
  },

  exportPath: (pairs) => `${ROOT}/export${query(pairs)}`,
  async exported(pairs) {
    return (await ask(`/export${query(pairs)}`)).text();
  },

  capture: (on) => send('POST', '/capture', { on }),
  mark: (id, what) => send('POST', `/exchanges/${id}/mark`, what),
  remove: (id) => send('DELETE', `/exchanges/${id}`),
  removeSession: (key) => send('DELETE', `/sessions/${encodeURIComponent(key)}`),
  prune: () => send('POST', '/prune', {}),
  replay: (id, what) => send('POST', `/exchanges/${id}/replay`, what),
  import: (text) =>
    ask('/import', { method: 'POST', headers: { 'content-type': 'application/json' }, body: text }).then(jsonOrNothing),
};

function rowsOfExport(q) {
  const rows = data.rows.map((row) => ({ ...row, hit: matchRow(row, q ?? '') })).filter((row) => row.hit !== null);
  rows.sort((a, b) => (a.id < b.id ? 1 : -1));
  return { rows, more: false, total: rows.length };
}

function bodyOfExport(id, pane, attempt) {
  const panes = data.bodies?.[id] ?? {};
  return (attempt ? panes[`${pane}.${attempt}`] : panes[pane]) ?? '';
}

/// A connection that the browser has given up is tried again after this.
const AGAIN_MS = 3000;

/// Listens to news until the page is closed. The browser connects again by itself, and is told what it has missed;
/// where it gives up, all is asked for anew.
export function listen(handlers) {
  if (data) return;
  const source = new EventSource(`${ROOT}/events`);
  const read = (name, does) =>
    source.addEventListener(name, (event) => does(event.data ? JSON.parse(event.data) : null));
  read('hello', handlers.hello);
  read('row', handlers.row);
  read('gone', handlers.gone);
  read('state', handlers.state);
  read('reset', handlers.reset);
  source.addEventListener('open', () => handlers.connected(true));
  source.addEventListener('error', () => {
    handlers.connected(false);
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    setTimeout(() => {
      handlers.reset();
      listen(handlers);
    }, AGAIN_MS);
  });
}

/// Bodies of the exchange that is open; those of one that runs are asked for anew when they have grown.
const bodies = { id: null, at: new Map() };

export async function bodyOf(view, pane) {
  if (bodies.id !== view.row.id) {
    bodies.id = view.row.id;
    bodies.at.clear();
  }
  const key = `${pane.pane}.${pane.attempt}.${pane.kept}`;
  if (!bodies.at.has(key)) bodies.at.set(key, api.body(view.row.id, pane.pane, pane.attempt));
  try {
    return await bodies.at.get(key);
  } catch (error) {
    bodies.at.delete(key);
    throw error;
  }
}

/// Whether there is a server to ask for more than what is here.
export function hasServer() {
  return !state.exported;
}
