// Small things that many views are made of: buttons, badges, long texts, folds, patches. They know words, but no data.

import { cut, foreign, h, toClipboard, visible } from './dom.js';
import { number, say, size } from './words.js';
import { state } from './state.js';

export function button(
  label,
  does,
  { keep = label, className = '', title = null, pressed = null, disabled = false } = {},
) {
  return h(
    `button${className ? `.${className}` : ''}`,
    {
      type: 'button',
      'data-keep': keep,
      title,
      disabled,
      'aria-pressed': pressed === null ? null : String(pressed),
      on: { click: does },
    },
    label,
  );
}

/// A button with a sign for those who see it, and a name for all.
export function iconButton(sign, label, does, options = {}) {
  const made = button('', does, {
    keep: label,
    title: label,
    ...options,
    className: `icon${options.className ? `.${options.className}` : ''}`,
  });
  made.setAttribute('aria-label', label);
  made.append(h('span', { 'aria-hidden': 'true' }, sign));
  return made;
}

/// Copies what `text` gives, and says so for a moment.
export function copyButton(text, label = say('copy'), keep = label) {
  const made = button(
    label,
    async () => {
      const done = await toClipboard(await text());
      made.textContent = say(done ? 'copied' : 'copy_failed');
      tell(made.textContent);
      setTimeout(() => {
        made.textContent = label;
      }, 1500);
    },
    { keep, className: 'quiet' },
  );
  return made;
}

/// Says something to whoever cannot see it, and shows it for some seconds.
export function tell(text, { quiet = true } = {}) {
  const news = document.getElementById('news');
  if (news) news.textContent = text;
  if (quiet) return;
  const toast = h('div.toast', {}, text);
  (document.querySelector('dialog[open]') ?? document.body).append(toast);
  setTimeout(() => toast.remove(), 4000);
}

export function badge(text, kind = '', title = null) {
  return h(`span.badge${kind ? `.${kind}` : ''}`, { title }, text);
}

/// Facts in a line, without those that are not known.
export function dotted(...facts) {
  return facts.filter(Boolean).join(' · ');
}

/// A command, and a button to copy it.
export function command(text, prompt = '$') {
  return h(
    'div.command',
    { 'data-prompt': prompt },
    h('span.prompt', { 'aria-hidden': 'true' }, prompt),
    h('code', {}, text),
    copyButton(() => text, say('copy'), `copy ${text}`),
  );
}

/// Characters of a text that are shown at first, and by which more is added.
const FIRST_CHARS = 2400;
const MORE_CHARS = 200_000;

/// A text that may be very long: its beginning, then as much as is asked for.
export function longText(text, { selector = 'pre.text', first = FIRST_CHARS, keep = '' } = {}) {
  if (text.length <= first * 1.2) return h(selector, { dir: 'auto' }, visible(text));
  const body = h(selector, { dir: 'auto' });
  const box = h('div.long', {}, body);
  let shown = state.turned.get(`long ${keep}`) && keep ? Math.min(text.length, MORE_CHARS) : first;
  const draw = () => {
    body.textContent = visible(cut(text, shown));
    const left = text.length - shown;
    const more =
      left > 0
        ? button(
            shown === first && text.length <= MORE_CHARS
              ? say('show_all', { size: number(text.length) })
              : say('show_more', { size: number(left) }),
            () => show(shown + MORE_CHARS),
            { className: 'quiet' },
          )
        : button(say('show_less'), () => show(first), { className: 'quiet' });
    box.replaceChildren(body, more);
  };
  const show = (many) => {
    shown = Math.min(text.length, many);
    if (keep) state.turned.set(`long ${keep}`, shown > first);
    draw();
    box.lastChild.focus({ preventScroll: true });
  };
  draw();
  return box;
}

/// A fold whose inside is made when it is opened, and that stays as it is when the page is drawn anew.
export function fold(title, inside, { keep, open = false, className = '' }) {
  const isOpen = state.turned.get(keep) ?? open;
  const body = h('div.inside');
  const made = h(
    `details${className ? `.${className}` : ''}`,
    { open: isOpen },
    h('summary', { 'data-keep': keep }, title),
    body,
  );
  const fill = () => {
    if (made.open && !body.firstChild) body.append(...[inside()].flat(Infinity).filter(Boolean));
  };
  made.addEventListener('toggle', () => {
    state.turned.set(keep, made.open);
    fill();
  });
  fill();
  return made;
}

/// Lines that begin with ` `, `-`, `+`; also a patch of Codex, with its `***` lines.
export function patchText(lines, keep) {
  const all = typeof lines === 'string' ? lines.split('\n') : lines;
  const shown = state.turned.get(`patch ${keep}`) ? all : all.slice(0, MOST_LINES);
  const body = h(
    'pre.patch',
    { tabIndex: 0, role: 'group', 'aria-label': say('tab_diff') },
    shown.map((line) => h(`span.${lineKind(line)}`, {}, visible(line), '\n')),
  );
  if (shown.length === all.length) return body;
  const box = h(
    'div.long',
    {},
    body,
    button(
      say('show_all', { size: number(all.length) }),
      () => {
        state.turned.set(`patch ${keep}`, true);
        box.replaceWith(patchText(all, keep));
      },
      { className: 'quiet' },
    ),
  );
  return box;
}

const MOST_LINES = 300;

function lineKind(line) {
  if (line.startsWith('*** ')) return 'file';
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+')) return 'plus';
  if (line.startsWith('-')) return 'minus';
  return 'same';
}

/// Only pictures of these kinds are shown, and only out of the text itself.
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$/;

export function picture(url, bytes) {
  if (PICTURE.test(url))
    return h(
      'figure',
      {},
      h('img', { src: url, alt: say('image', { size: size(bytes) }) }),
      h('figcaption', {}, say('image', { size: size(bytes) })),
    );
  return h('p.note', {}, say('image_elsewhere'), ' ', h('code', {}, visible(cut(url, 200))));
}

/// A row of choices, of which one is taken.
export function choices(label, options, chosen, choose, keep = label) {
  return h(
    'span.choices',
    { role: 'group', 'aria-label': label },
    options.map(([value, text]) =>
      button(text, () => choose(value), { pressed: value === chosen, keep: `${keep} ${value}` }),
    ),
  );
}

export function checkbox(label, checked, change, keep = label) {
  const box = h('input', { type: 'checkbox', checked, 'data-keep': keep, on: { change: () => change(box.checked) } });
  return h('label.check', {}, box, label);
}

export function problem(error) {
  return h(
    'p.problem',
    { role: 'alert' },
    say('error_loading', { why: '' }),
    foreign(cut(error.message || String(error), 400)),
  );
}
