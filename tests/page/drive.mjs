// The inspector's page in a real browser, with real exchanges: a client and an Ollama of our own on both sides of the
// forwarder. The Rust test starts `ollama-forward --translate --capture` with an empty store, then this:
//
//   node drive.mjs URL SHOTS NODE_MODULES FORWARD OLLAMA
//
//   URL           the page, with the code that opens it
//   SHOTS         a directory for pictures
//   NODE_MODULES  where puppeteer-core and axe-core are
//   FORWARD       http://127.0.0.1:PORT of the forwarder
//   OLLAMA        the port at which the forwarder looks for Ollama: it is served from here
//
// CHROMIUM names the browser (default: /usr/bin/chromium). It prints `ok NAME` or `not ok NAME: why` for each check, and
// ends with 1 when one failed. Nothing waits longer than LIMIT_MS, and all together not longer than ALL_MS.
//
// By `# restart` it asks whoever started it to start the program anew, at the same addresses and with the same store, and
// to write a new link to the page into the file `link` in SHOTS.

import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

/// For what should happen at once, on a machine that is busy with other tests.
const LIMIT_MS = 30_000;
/// A prompt that was cut is seen within this.
const CUT_SEEN_MS = 20_000;
const ALL_MS = 240_000;
const ROWS = 10_000;
const WIDTHS = [1440, 1000, 420];
const TABS = ['conversation', 'panes', 'timeline', 'diff', 'raw', 'headers', 'tools'];

const [, , URL_WITH_CODE, SHOTS, MODULES, FORWARD, OLLAMA] = process.argv;
if (!OLLAMA) {
  console.log('not ok arguments: URL SHOTS NODE_MODULES FORWARD OLLAMA');
  process.exit(2);
}
const load = createRequire(path.join(path.resolve(MODULES), 'x.js'));
const puppeteer = load('puppeteer-core');
const AXE = fs.readFileSync(path.join(MODULES, 'axe-core', 'axe.min.js'), 'utf8');
const BASE = new URL('/', URL_WITH_CODE).href;

const HOSTILE = [
  '<script>window.pwned = 1</script>',
  '<img src=x onerror="window.pwned = 2">',
  '"><svg onload="window.pwned = 3">',
  'javascript:window.pwned=4',
  'turned \u202egnp.exe and nul \u0000 and bell \u0007',
  'W'.repeat(3000),
  'نص عربي שלום',
].join('\n');

/// The last word of an answer that waits for it.
const lastWord = {};
lastWord.allowed = new Promise((done) => {
  lastWord.allow = done;
});

/// How an answer comes: words, and the pause before each; what it waits for before the last; what it says of itself at
/// the end.
const ANSWERS = {
  'say slowly': {
    words: 'one two three four five six seven eight nine ten eleven twelve the-last-word'.split(/(?<= )/),
    pause: 50,
    last: lastWord.allowed,
    thinks: 'let me see ',
  },
  'say hostile': { words: [HOSTILE], pause: 5 },
  'be cut': { words: ['short'], pause: 5, read: 4096 },
  'call a tool': { words: [], pause: 5, call: { name: 'exec_command', arguments: { cmd: 'ls -la' } } },
};

let failed = 0;

async function check(name, does) {
  const begun = performance.now();
  try {
    await does();
    console.log(`ok ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    for (const page of pages) await shoot(page, `failed-${failed}`).catch(() => null);
    console.log(
      `not ok ${name}: ${String(error.message ?? error)
        .replaceAll('\n', ' ')
        .slice(0, 600)}`,
    );
  }
}

function must(is, why) {
  if (!is) throw new Error(why);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/// An Ollama with one model, of which 4096 tokens are loaded.
function ollama() {
  return http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const json = (value) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const model = {
      name: 'fake:1b',
      model: 'fake:1b',
      size: 1,
      digest: 'd',
      details: { family: 'llama' },
      modified_at: '2026-01-01T00:00:00Z',
    };
    switch (request.url.split('?')[0]) {
      case '/api/version':
        return json({ version: '0.33.0' });
      case '/api/tags':
        return json({ models: [model] });
      case '/api/ps':
        return json({ models: [{ ...model, context_length: 4096, size_vram: 1, expires_at: '2027-01-01T00:00:00Z' }] });
      case '/api/show':
        return json({
          details: model.details,
          model_info: { 'general.architecture': 'llama', 'llama.context_length': 131072 },
          capabilities: ['completion', 'tools', 'thinking'],
        });
      case '/api/chat':
        return chat(JSON.parse(body), body.length, response);
      default:
        response.writeHead(404);
        response.end();
    }
  });
}

async function chat(asked, size, response) {
  const said = JSON.stringify(asked.messages);
  const [, answer] = Object.entries(ANSWERS).find(([words]) => said.includes(words)) ?? [
    null,
    { words: ['fine'], pause: 5 },
  ];
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const line = (message, more = { done: false }) =>
    response.write(
      `${JSON.stringify({ model: asked.model, created_at: '2026-01-01T00:00:00Z', message: { role: 'assistant', content: '', ...message }, ...more })}\n`,
    );
  if (answer.thinks) line({ thinking: answer.thinks });
  for (const content of answer.words) {
    await (answer.last && content === answer.words.at(-1) ? answer.last : pause(answer.pause));
    line({ content });
  }
  if (answer.call) line({ tool_calls: [{ function: answer.call }] });
  line(
    {},
    {
      done: true,
      done_reason: 'stop',
      total_duration: 9e8,
      load_duration: 1e8,
      prompt_eval_count: answer.read ?? Math.round(size / 4),
      prompt_eval_duration: 3e8,
      eval_count: 12,
      eval_duration: 5e8,
    },
  );
  response.end();
}

/// A request as Codex makes it. Gives its answer as text, when it has ended.
async function ask(words, { session = 'drive', history = [] } = {}) {
  const tool = {
    type: 'function',
    name: 'exec_command',
    description: 'Runs a command',
    strict: false,
    parameters: { type: 'object', properties: { cmd: { type: 'string' } } },
  };
  const message = (role, text) => ({
    type: 'message',
    role,
    content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }],
  });
  const body = {
    model: 'fake:1b',
    stream: true,
    store: false,
    input: [
      message('developer', 'You are a test.'),
      ...history.map((text) => message('user', text)),
      message('user', words),
    ],
    tools: [tool],
    tool_choice: 'auto',
  };
  const metadata = {
    session_id: session,
    thread_id: session,
    turn_id: `${session}-${words.length}`,
    request_kind: 'turn',
  };
  const answer = await fetch(`${FORWARD}/v1/responses`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'session-id': session,
      'thread-id': session,
      'user-agent': 'codex_exec/0.169.0',
      'x-codex-turn-metadata': JSON.stringify(metadata),
    },
  });
  return answer.text();
}

/// Lines of our own form, for a list that is long.
function manyExchanges(count) {
  const lines = [JSON.stringify({ format: 'ollama-forward-capture', version: 1 })];
  // Older than all else, and not so old that it is deleted.
  const begin = Date.now() - (count + 600) * 1000;
  for (let n = 0; n < count; n += 1) {
    const begun = begin + n * 1000;
    const id = (BigInt(begun) << 20n).toString(16).padStart(16, '0');
    const body = JSON.stringify({ model: 'fake:1b', messages: [{ role: 'user', content: `request number ${n}` }] });
    const reply = JSON.stringify({
      model: 'fake:1b',
      message: { role: 'assistant', content: `answer ${n}` },
      done: true,
    });
    const head = (more) => ({
      at_us: 0,
      version: 'HTTP/1.1',
      headers: [['content-type', 'application/json']],
      ...more,
    });
    lines.push(
      JSON.stringify({
        id,
        session: `many${Math.floor(n / 500)}`,
        begun_ms: begun,
        lane: 'passed',
        state: 'done',
        conn: n,
        peer: '127.0.0.1:1',
        moments: [],
        took_us: 5000,
        messages: [
          {
            pane: 'client_request',
            attempt: 0,
            head: head({ method: 'POST', target: '/api/chat' }),
            size: body.length,
            ended_us: 10,
            redacted: 0,
            body,
            pieces: [{ at_us: 5, len: body.length }],
          },
          {
            pane: 'client_response',
            attempt: 0,
            head: head({ status: 200 }),
            size: reply.length,
            ended_us: 5000,
            redacted: 0,
            body: reply,
            pieces: [{ at_us: 4000, len: reply.length }],
          },
        ],
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}

/// Those that are open; the last one is seen in the picture of a failure.
const pages = new Set();
const violations = [];
const errors = [];
/// The program is stopped and started anew: requests may fail.
let isRestarting = false;
const isGone = (text) => isRestarting && text.includes('net::ERR_');

async function newPage(browser, { width = 1440, height = 900, theme = 'light' } = {}) {
  const page = await browser.newPage();
  pages.add(page);
  page.on('close', () => pages.delete(page));
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy|Trusted ?Type/i.test(text)) violations.push(text);
    else if (message.type() === 'error' && !/status of 4\d\d/.test(text) && !isGone(text))
      errors.push(`${text} ${message.location()?.url ?? ''}`);
  });
  await page.evaluateOnNewDocument(() => {
    window.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  return page;
}

async function until(page, what, does, ...values) {
  try {
    await page.waitForFunction(does, { timeout: LIMIT_MS, polling: 50 }, ...values);
  } catch {
    throw new Error(`${what} did not happen within ${LIMIT_MS / 1000} s`);
  }
}

const textOf = (page, selector) => page.$eval(selector, (element) => element.textContent);
const shoot = (page, name) => page.screenshot({ path: path.join(SHOTS, `${name}.png`) });

/// What axe finds on the page as it is.
async function faults(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () =>
    (await window.axe.run(document, { resultTypes: ['violations'] })).violations.map(
      (one) =>
        `${one.id}: ${one.nodes
          .slice(0, 3)
          .map((node) => node.target.join(' '))
          .join(', ')}`,
    ),
  );
  return found;
}

/// The rows that the server has, the newest first.
const rows = (page, q = '') =>
  page.evaluate(
    async (words) => (await (await fetch(`/api/v1/exchanges?limit=200&q=${encodeURIComponent(words)}`)).json()).rows,
    q,
  );

async function write(page, method, where, body) {
  return page.evaluate(
    async ([how, to, text]) =>
      (await fetch(to, { method: how, headers: { 'content-type': 'application/json' }, body: text })).status,
    [method, where, body],
  );
}

async function drive(browser) {
  const page = await newPage(browser);
  await page.goto(URL_WITH_CODE, { waitUntil: 'domcontentloaded' });

  await check('an empty page says what to type', async () => {
    await until(page, 'an empty list', () => document.querySelector('.empty .command code'));
    const what = await textOf(page, '.empty');
    const start = `CODEX_OSS_PORT=${new URL(FORWARD).port} codex `;
    must(what.includes(start), `it names no command of Codex for us: ${what}`);
    await shoot(page, 'empty');
    const found = await faults(page);
    must(!found.length, found.join('; '));
  });

  await check('a row appears before its answer ends, and its text grows', async () => {
    const asked = ask('say slowly');
    asked.catch(() => null);
    try {
      await until(page, 'a row', () => document.querySelector('.row-line.call'));
      await until(page, 'live text', () => document.querySelector('.answer')?.textContent.includes('twelve'));
      must(!(await textOf(page, '.answer')).includes('the-last-word'), 'the text is there before it came');
      await until(page, 'a live row', () => document.querySelector('.row-line.call .live'));
      await shoot(page, 'live');
    } finally {
      lastWord.allow();
    }
    must((await asked).includes('the-last-word'), 'the client did not get its answer');
    await until(
      page,
      'the end',
      () =>
        document.querySelector('.answer')?.textContent.includes('the-last-word') &&
        document.querySelector('.row-line.call .dot.done'),
    );
  });

  await check('what is kept is told as it grows', async () => {
    await until(page, 'a size', () => /^[1-9]/.test(document.querySelector('.disk')?.textContent));
  });

  await check('tool calls are shown as such', async () => {
    await ask('call a tool');
    await until(page, 'the call', () =>
      document.querySelector('.answer .item.call .shell')?.textContent.includes('ls -la'),
    );
  });

  await check('a prompt that was cut is seen', async () => {
    const before = Date.now();
    for (let n = 1; n <= 4; n += 1) await ask('measure', { session: `m${n}`, history: ['word '.repeat(300 * n)] });
    await ask('be cut', { session: 'cut', history: ['a long history of words. '.repeat(4000)] });
    await until(page, 'the banner', () =>
      document.querySelector('.banner.bad')?.textContent.includes('OLLAMA_CONTEXT_LENGTH'),
    );
    await until(page, 'the mark in the list', () => document.querySelector('.row-line .badge.bad'));
    must(Date.now() - before < CUT_SEEN_MS, 'it took too long');
    await shoot(page, 'cut');
  });

  await check('hostile content is inert', async () => {
    await ask(`say hostile ${HOSTILE}`, { session: 'hostile' });
    await until(page, 'the hostile answer', () =>
      document.querySelector('.answer')?.textContent.includes('<script>window.pwned'),
    );
    const id = (await rows(page))[0].id;
    for (const tab of TABS) {
      await page.evaluate((to) => {
        location.hash = to;
      }, `#/x/${id}/${tab}`);
      await until(page, tab, (name) => document.querySelector('.tab[aria-selected=true]')?.id === `tab-${name}`, tab);
      await pause(150);
      const found = await page.evaluate(() => ({
        pwned: window.pwned,
        foreign: document.querySelectorAll('#app script, #app img[src="x"], #app iframe, #app svg[onload]').length,
        wide: document.documentElement.scrollWidth - innerWidth,
      }));
      must(!found.pwned && !found.foreign, `in ${tab}: ${JSON.stringify(found)}`);
      must(found.wide <= 0, `in ${tab} the page is ${found.wide} px too wide`);
    }
    await shoot(page, 'hostile');
  });

  await keyboard(page);
  await filters(page);
  await writes(page);
  await languages(page);
  await exported(page, browser);
  await accessible(browser);
  await many(browser);
  // A page behind others may wait for a minute between two looks.
  await page.bringToFront();
  await again(page);
  await sessions(page);
  await strangers(page, browser);
  await restarted(page, browser);

  await check('no violation of the content security policy', async () => {
    violations.push(...(await page.evaluate(() => window.violations)));
    must(!violations.length, violations.join('; '));
  });
  await check('no error on the console', async () => must(!errors.length, errors.join('; ')));
}

async function keyboard(page) {
  await check('the keyboard moves, opens and helps', async () => {
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('g');
    // Lines are moved over at once, calls among them opened a moment later.
    const opened = new Set();
    for (let n = 0; n < 8 && opened.size < 2; n += 1) {
      await page.keyboard.press('j');
      const call = await page.evaluate(() => document.querySelector('.row-line.call.cursor')?.dataset.key);
      if (!call) continue;
      await until(page, 'the call at the cursor', (id) => location.hash.startsWith(`#/x/${id}/`), call);
      opened.add(call);
    }
    must(opened.size === 2, 'j does not go to another exchange');
    for (const [key, tab] of [
      ['2', 'panes'],
      ['3', 'timeline'],
      ['7', 'tools'],
      ['d', 'diff'],
      ['1', 'conversation'],
    ]) {
      await page.keyboard.press(key);
      await until(
        page,
        `key ${key}`,
        (name) => document.querySelector('.tab[aria-selected=true]')?.id === `tab-${name}`,
        tab,
      );
    }
    await page.keyboard.press('?');
    await until(page, 'the help', () => document.querySelector('dialog[open] kbd'));
    const found = await faults(page);
    must(!found.length, found.join('; '));
    await page.keyboard.press('Escape');
    await until(page, 'the end of the help', () => !document.querySelector('dialog'));
    await page.keyboard.press('/');
    must((await page.evaluate(() => document.activeElement.id)) === 'filter', '/ does not go to the filter');
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement?.blur());
  });

  await check('tabs are reached by arrows', async () => {
    await page.focus('.tab[aria-selected=true]');
    await page.keyboard.press('ArrowRight');
    await until(page, 'the next tab', () => document.activeElement.id === 'tab-panes');
    await page.keyboard.press('Home');
    await until(page, 'the first tab', () => document.activeElement.id === 'tab-conversation');
    await page.evaluate(() => document.activeElement.blur());
  });

  await check('a pause holds news back, and resuming shows them', async () => {
    const many = () => page.$eval('.list-count', (element) => Number(element.textContent.replace(/\D/g, '')));
    const before = await many();
    await page.keyboard.press('p');
    await ask('while paused', { session: 'paused' });
    await until(page, 'the count of what is held', () =>
      /\d/.test(document.querySelector('[data-keep=pause]').textContent),
    );
    must((await many()) === before, 'the list went on');
    await page.keyboard.press('p');
    await until(
      page,
      'the row',
      (least) => Number(document.querySelector('.list-count').textContent.replace(/\D/g, '')) > least,
      before,
    );
  });
}

async function filters(page) {
  await check('a filter finds, and is completed', async () => {
    await page.focus('#filter');
    await page.keyboard.type('is:trunc');
    await until(page, 'a completion', () =>
      [...document.querySelectorAll('.completions li')].some((item) => item.textContent === 'is:truncated'),
    );
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await until(
      page,
      'one row',
      () => document.querySelectorAll('.row-line').length === 1 && document.querySelector('.row-line .badge.bad'),
    );
    await page.evaluate(() => document.querySelector('#filter').select());
    await page.keyboard.type('the-last-word');
    await until(
      page,
      'a row by its text',
      () => document.querySelectorAll('.row-line').length === 1 && !document.querySelector('.row-line .badge.bad'),
    );
    await page.evaluate(() => document.querySelector('#filter').select());
    await page.keyboard.type('nothing-has-this-word');
    await until(
      page,
      'an empty list',
      () => !document.querySelector('.empty').hidden && document.querySelector('.empty button'),
    );
    await press(page, '.empty', 'Clear the filter');
    await page.evaluate(() => document.activeElement?.blur());
    await until(page, 'all rows', () => document.querySelectorAll('.row-line').length > 3);
  });
}

async function writes(page) {
  await check('a mark and a comment are kept, and a deleted exchange goes', async () => {
    const id = (await rows(page))[0].id;
    await page.evaluate((to) => {
      location.hash = to;
    }, `#/x/${id}/conversation`);
    await until(page, 'the exchange', () => document.querySelector('[data-keep=mark]'));
    await page.keyboard.press('m');
    await until(
      page,
      'the mark',
      () => document.querySelector('.badges .mark') && document.querySelector('.row-line.selected .star'),
    );
    must(
      (await rows(page, 'is:marked')).some((row) => row.id === id),
      'the server knows of no mark',
    );
    must(
      (await write(
        page,
        'POST',
        `/api/v1/exchanges/${id}/mark`,
        JSON.stringify({ comment: 'seen by <b>a test</b>' }),
      )) < 300,
      'a comment is refused',
    );
    await until(page, 'the comment', () => document.querySelector('.comment')?.textContent.includes('<b>a test</b>'));
    must((await write(page, 'DELETE', `/api/v1/exchanges/${id}`, '{}')) < 300, 'deleting is refused');
    await until(page, 'its going', (gone) => !document.querySelector(`[data-key="${gone}"]`), id);
  });
}

async function languages(page) {
  await check('the page speaks French, and keeps to it', async () => {
    await page.$eval('[data-keep=settings]', (settings) => settings.click());
    await until(page, 'the settings', () => document.querySelector('dialog[open] select'));
    await page.evaluate(() => {
      const select = document.querySelectorAll('dialog select')[1];
      select.value = 'fr';
      select.dispatchEvent(new Event('change'));
    });
    await until(
      page,
      'French',
      () =>
        document.documentElement.lang === 'fr' &&
        document.querySelector('[data-keep=settings]').textContent === 'Réglages',
    );
    await page.reload({ waitUntil: 'domcontentloaded' });
    await until(
      page,
      'French after a reload',
      () => document.documentElement.lang === 'fr' && document.querySelector('.row-line'),
    );
    await page.evaluate(() => {
      location.hash = '#/';
    });
    await shoot(page, 'french');
    const found = await faults(page);
    must(!found.length, found.join('; '));
    await page.evaluate(() => {
      const kept = JSON.parse(localStorage.getItem('ollama-forward'));
      localStorage.setItem('ollama-forward', JSON.stringify({ ...kept, lang: 'en' }));
    });
    await page.reload({ waitUntil: 'domcontentloaded' });
    await until(
      page,
      'English again',
      () => document.documentElement.lang === 'en' && document.querySelector('.row-line'),
    );
  });
}

async function exported(page, browser) {
  await check('an export is a page of its own that asks nobody', async () => {
    const id = (await rows(page)).find((row) => (row.text ?? '').includes('window.pwned')).id;
    const html = await page.evaluate(async (one) => (await fetch(`/api/v1/export?format=html&id=${one}`)).text(), id);
    const file = path.join(SHOTS, 'export.html');
    fs.writeFileSync(file, html);
    const alone = await newPage(browser);
    const asked = [];
    alone.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) asked.push(request.url());
    });
    await alone.goto(`file://${file}`, { waitUntil: 'load' });
    await until(alone, 'its conversation', () =>
      document.querySelector('.answer')?.textContent.includes('window.pwned'),
    );
    must(!(await alone.evaluate(() => window.pwned)), 'hostile content ran');
    must(!asked.length, `it asked for ${asked.join(', ')}`);
    await shoot(alone, 'export');
    await alone.close();
  });
}

async function accessible(browser) {
  for (const theme of ['light', 'dark']) {
    for (const width of WIDTHS) {
      await check(`axe finds nothing, ${theme}, ${width} px`, async () => {
        const page = await newPage(browser, { width, theme });
        await page.goto(BASE, { waitUntil: 'domcontentloaded' });
        await until(page, 'the list', () => document.querySelector('.row-line'));
        const cut = (await rows(page, 'is:truncated'))[0]?.id ?? (await rows(page))[0].id;
        const found = await faults(page);
        await shoot(page, `list-${theme}-${width}`);
        for (const tab of TABS) {
          await page.evaluate((to) => {
            location.hash = to;
            document.body.classList.add('showing-detail');
          }, `#/x/${cut}/${tab}`);
          await until(
            page,
            tab,
            (name) => document.querySelector('.tab[aria-selected=true]')?.id === `tab-${name}`,
            tab,
          );
          await pause(200);
          found.push(...(await faults(page)).map((one) => `${tab}: ${one}`));
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (wide > 0) found.push(`${tab} is ${wide} px too wide`);
          const { left, right } = await page.$eval('.tab[aria-selected=true]', (one) =>
            one.getBoundingClientRect().toJSON(),
          );
          if (left < 0 || right > width) found.push(`the tab ${tab} is out of sight`);
          await shoot(page, `${tab}-${theme}-${width}`);
        }
        violations.push(...(await page.evaluate(() => window.violations.filter((one) => !one.includes('axe')))));
        await page.close();
        must(!found.length, found.join('; '));
      });
    }
  }
}

async function many(browser) {
  await check(`${ROWS} rows stay fluid`, async () => {
    const page = await newPage(browser);
    await page.goto(BASE, { waitUntil: 'domcontentloaded' });
    await until(page, 'the newest, open', () => /^#\/x\//.test(location.hash));
    const open = await page.evaluate(() => location.hash);
    const all = manyExchanges(ROWS).split('\n');
    // In parts, so that no request is too large or too slow.
    for (let from = 1; from < all.length - 1; from += 2000) {
      const status = await write(page, 'POST', '/api/v1/import', [all[0], ...all.slice(from, from + 2000)].join('\n'));
      must(status < 300, `import is refused with ${status}`);
    }
    await until(
      page,
      'all in the list',
      (least) => Number(document.querySelector('.list-count').textContent.replace(/\D/g, '').slice(0, 6)) >= least,
      ROWS,
    );
    must((await page.evaluate(() => location.hash)) === open, 'what is imported is opened as if it were new');
    await page.goto('about:blank');
    await page.goto(BASE, { waitUntil: 'domcontentloaded' });
    await until(page, 'the first rows', () => document.querySelector('.row-line'));
    const first = await page.evaluate(() => performance.now());
    await page.waitForFunction(
      (least) =>
        Number(document.querySelector('.list-count').textContent.replace(/\D/g, '').slice(0, 6)) >= least &&
        !/ of /.test(document.querySelector('.list-count').textContent),
      { timeout: LIMIT_MS },
      ROWS,
    );
    await page.evaluate(() => document.querySelector('[data-keep=grouped]').click());
    await pause(300);
    const scrolled = await page.evaluate(async () => {
      const box = document.getElementById('tree');
      const frame = () => new Promise(requestAnimationFrame);
      const times = [];
      for (let step = 0; step <= 60; step += 1) {
        const before = performance.now();
        box.scrollTop = ((box.scrollHeight - box.clientHeight) * step) / 60;
        await frame();
        times.push(performance.now() - before);
      }
      await frame();
      return {
        median: times.sort((a, b) => a - b)[30],
        nodes: document.querySelectorAll('.row-line').length,
        last: document.querySelector('#tree').textContent,
      };
    });
    await shoot(page, 'many');
    must(scrolled.nodes > 0 && scrolled.nodes < 100, `${scrolled.nodes} lines are on the page`);
    must(scrolled.last.includes('request number 0'), 'the last row is not there');
    must(scrolled.median < 100, `a frame takes ${Math.round(scrolled.median)} ms`);
    must(first < 5000, `the first rows take ${Math.round(first)} ms`);
    console.log(`# first rows after ${Math.round(first)} ms, a frame of scrolling ${Math.round(scrolled.median)} ms`);
    await page.close();
  });
}

/// Goes to an exchange.
async function visit(page, id) {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/x/${id}/conversation`);
  await until(page, 'the exchange', (one) => document.querySelector(`.detail-head[data-id="${one}"]`), id);
}

/// Goes to an exchange and asks at once for a repetition, by the button that still stands there. Gives whether a window
/// opened.
const isMeant = (page, id) =>
  page.evaluate(async (to) => {
    const gone = new Promise((done) => addEventListener('hashchange', done, { once: true }));
    location.hash = to;
    await gone;
    [...document.querySelectorAll('.detail .actions button')].find((one) => one.textContent === 'Replay…').click();
    return document.querySelector('dialog') !== null;
  }, `#/x/${id}/conversation`);

/// Presses the button with this text. At once, as it may be drawn anew while news come.
async function press(page, within, text) {
  const find = (box, words) =>
    [...document.querySelectorAll(`${box} button`)].find((one) => one.textContent === words && !one.disabled);
  // Looking may happen more than once, pressing must not.
  await until(page, `the button ${text}`, find, within, text);
  await page.evaluate(`(${find})(${JSON.stringify(within)}, ${JSON.stringify(text)}).click()`);
}

/// The newest row that a filter finds, once there is one: a client has its answer before it is kept.
async function newest(page, q) {
  for (const begun = Date.now(); ; await pause(50)) {
    const [row] = await rows(page, q);
    if (row) return row;
    must(Date.now() - begun < LIMIT_MS, `there is no ${q}`);
  }
}

/// Edits the body in the window of a repetition.
const rewrite = (page, text) =>
  page.$eval(
    'dialog textarea',
    (area, value) => {
      area.value = value;
      area.dispatchEvent(new Event('input'));
    },
    text,
  );

async function again(page) {
  await check('a request is edited, sent again, and its row says of what it is a repetition', async () => {
    await ask('once more', { session: 'again' });
    const { id } = await newest(page, 'session:again');
    const before = await page.$eval('.detail-head', (head) => head.dataset.id);
    await visit(page, id);
    must(!(await isMeant(page, before)), 'a button of the last exchange works while the next is fetched');
    await visit(page, id);
    await press(page, '.detail .actions', 'Replay…');
    await until(page, 'the window', () => document.querySelector('dialog[open] textarea'));
    // Not by the mouse: the window may still be moving into its place.
    await page.$eval('dialog .check input', (input) => input.click());
    await until(page, 'the body', () => document.querySelector('dialog textarea').value.includes('"once more"'));
    const body = await page.$eval('dialog textarea', (area) => area.value);
    await rewrite(page, body.replace('"once more"', '"once more'));
    await until(page, 'the place of a fault', () =>
      /^Line \d+/.test(document.querySelector('.json-problem.bad')?.textContent),
    );
    must(await page.$eval('dialog .primary', (button) => button.disabled), 'what is not JSON can be sent');
    const found = await faults(page);
    must(!found.length, found.join('; '));
    await rewrite(page, body.replace('"once more"', '"once more, edited"'));
    await shoot(page, 'replay');
    await press(page, 'dialog', 'Send');
    await until(page, 'the end of the window', () => !document.querySelector('dialog'));
    await until(
      page,
      'the repetition, open',
      (first) =>
        document.querySelector(`.detail .badges a[href^="#/x/${first}/"]`) &&
        document.querySelector('.detail .answer')?.textContent.includes('fine'),
      id,
    );
    const repeated = await newest(page, 'session:again');
    must(repeated.replay_of === id, `its row says ${repeated.replay_of}`);
    must(repeated.user === 'once more, edited', `it asked ${repeated.user}`);
    await shoot(page, 'replayed');
  });
}

async function sessions(page) {
  await check('a session is deleted, with all that is in it', async () => {
    const { id, session } = await newest(page, 'session:again');
    await visit(page, id);
    const line = `.row-line.session[data-key="session ${session}"]`;
    await until(page, 'the session', (one) => document.querySelector(`${one} .row-action`), line);
    await page.hover(line);
    await page.$eval(`${line} .row-action`, (action) => action.click());
    await press(page, 'dialog[open] .dialog-foot', 'Delete session');
    await until(page, 'its going', (one) => !document.querySelector(one), line);
    must(!(await rows(page, 'session:again')).length, 'the server still has it');
    must((await page.evaluate(() => location.hash)) === '#/', 'what is gone is still open');
  });
}

async function strangers(shown, browser) {
  await check('whoever has no cookie is told how to get one', async () => {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const answer = await page.goto(BASE, { waitUntil: 'domcontentloaded' });
    must(answer.status() === 401, `the page answers ${answer.status()}`);
    must((await textOf(page, 'body')).includes('ollama-forward capture open'), 'it does not say what to type');
    await shoot(page, 'locked');
    for (const where of ['api/v1/state', 'api/v1/events', 'api/v1/exchanges']) {
      const { status } = await fetch(BASE + where, { signal: AbortSignal.timeout(LIMIT_MS) });
      must(status === 401, `${where} answers ${status}`);
    }
    await context.close();
    await shown.bringToFront();
  });
}

async function restarted(page, browser) {
  await check('after a restart the page asks for a new link, and goes on with it', async () => {
    await page.bringToFront();
    await page.evaluate(() => {
      window.wasHere = true;
    });
    isRestarting = true;
    console.log('# restart');
    await until(page, 'a new link being asked for', () =>
      document.querySelector('.live-state')?.textContent.includes('ollama-forward capture open'),
    );
    await shoot(page, 'signed-out');
    const found = await faults(page);
    must(!found.length, found.join('; '));
    const other = await newPage(browser);
    await other.goto(await linkAnew(), { waitUntil: 'domcontentloaded' });
    await until(other, 'the page anew', () => document.querySelector('.row-line'));
    await other.close();
    await page.bringToFront();
    await until(
      page,
      'all as before',
      () => document.querySelector('.capture.on') && !document.querySelector('.live-state .badge'),
    );
    isRestarting = false;
    await ask('after the restart', { session: 'restarted' });
    await until(page, 'a new row', () =>
      [...document.querySelectorAll('.row-line')].some((line) => line.textContent.includes('after the restart')),
    );
    must(await page.evaluate(() => window.wasHere), 'the page was loaded anew');
  });
}

/// The link to a program that was started anew.
async function linkAnew() {
  const file = path.join(SHOTS, 'link');
  for (const begun = Date.now(); !fs.existsSync(file); await pause(50))
    must(Date.now() - begun < LIMIT_MS, 'nobody started the program anew');
  return fs.readFileSync(file, 'utf8');
}

async function start() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const args = ['--no-sandbox', '--headless=new', '--disable-dev-shm-usage'];
  try {
    // By a pipe, so that it ends with us, however that comes.
    return await puppeteer.launch({ executablePath, args, pipe: true });
  } catch (error) {
    console.log(`not ok browser: ${executablePath} does not start: ${error.message.replaceAll('\n', ' ')}`);
    process.exit(1);
  }
}

async function main() {
  fs.mkdirSync(SHOTS, { recursive: true });
  const server = ollama();
  await new Promise((done) => server.listen(Number(OLLAMA), '127.0.0.1', done));
  const browser = await start();
  const late = setTimeout(() => {
    console.log(`not ok time: it took longer than ${ALL_MS / 1000} s`);
    browser.process()?.kill('SIGKILL');
    process.exit(1);
  }, ALL_MS);
  try {
    await drive(browser);
  } catch (error) {
    failed += 1;
    console.log(`not ok drive: ${error.message}`);
  }
  clearTimeout(late);
  await browser.close();
  server.closeAllConnections();
  server.close();
  process.exitCode = failed ? 1 : 0;
}

await main();
