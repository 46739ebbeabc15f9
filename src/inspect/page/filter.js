// The box above the list: words and `key:value`, completed from what was captured; and filters that are a click away.

import { h } from './dom.js';
import { button } from './parts.js';
import { completions } from './query.js';
import { say } from './words.js';
import { state } from './state.js';

/// Typing waits this long for the next letter.
const WAIT_MS = 180;

const QUICK = [
  ['is:error', 'quick_error'],
  ['is:slow', 'quick_slow'],
  ['is:truncated', 'quick_cut'],
  ['is:marked', 'quick_marked'],
];

export class Filter {
  constructor(apply) {
    this.apply = apply;
    this.input = h('input', {
      type: 'text',
      id: 'filter',
      role: 'combobox',
      'aria-expanded': 'false',
      'aria-controls': 'completions',
      'aria-autocomplete': 'list',
      autocomplete: 'off',
      spellcheck: 'false',
      value: state.filter,
      on: {
        input: () => this.typed(),
        keydown: (event) => this.key(event),
        focus: () => this.entered(),
        // A click on an offer takes the focus away first.
        blur: () => (this.closing = setTimeout(() => this.close(), 150)),
      },
    });
    this.list = h('ul.completions', {
      id: 'completions',
      role: 'listbox',
      hidden: true,
      on: { mousedown: (event) => this.pick(event) },
    });
    this.quick = h('div.quick', { role: 'group' });
    this.problem = h('p.filter-problem', { role: 'status' });
    this.box = h(
      'div.filter',
      { role: 'search' },
      h('div.filter-line', {}, this.input, this.list),
      this.quick,
      this.problem,
    );
    this.at = -1;
    this.speak();
  }

  /// In the language of the page.
  speak() {
    this.input.placeholder = say('filter_hint');
    this.input.setAttribute('aria-label', say('filter'));
    this.list.setAttribute('aria-label', say('filter_help'));
    this.quick.setAttribute('aria-label', say('filter_help'));
    this.drawQuick();
  }

  drawQuick() {
    this.quick.replaceChildren(
      ...QUICK.map(([term, name]) =>
        button(say(name), () => this.toggle(term), {
          pressed: hasTerm(state.filter, term),
          className: 'chip',
          keep: `quick ${term}`,
        }),
      ),
    );
  }

  toggle(term) {
    const rest = state.filter.split(/\s+/).filter((one) => one && one !== term);
    this.set((hasTerm(state.filter, term) ? rest : [...rest, term]).join(' '));
  }

  set(text) {
    this.input.value = text;
    clearTimeout(this.waiting);
    this.close();
    this.change(text);
  }

  change(text) {
    state.filter = text.trim();
    this.drawQuick();
    this.apply();
  }

  /// Back before the offers went: they stay, with what is pointed at.
  entered() {
    clearTimeout(this.closing);
    if (!this.isOffering()) this.offer();
  }

  typed() {
    this.offer();
    clearTimeout(this.waiting);
    // `model:` alone is the beginning of something.
    if (!/:$/.test(this.input.value)) this.waiting = setTimeout(() => this.change(this.input.value), WAIT_MS);
  }

  offer() {
    this.offers = completions(this.input.value, state.rows.values());
    this.at = -1;
    const many = this.offers.length > 0 && document.activeElement === this.input;
    this.list.hidden = !many;
    this.input.setAttribute('aria-expanded', String(many));
    this.input.removeAttribute('aria-activedescendant');
    this.list.replaceChildren(
      ...this.offers.map((offer, index) =>
        h(
          'li',
          { role: 'option', id: `completion-${index}`, 'aria-selected': 'false', 'data-index': index },
          offer.match(/\S*$/)[0] || offer,
        ),
      ),
    );
  }

  isOffering() {
    return !this.list.hidden;
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
  }

  pick(event) {
    const index = event.target.closest('[data-index]')?.dataset.index;
    if (index === undefined) return;
    event.preventDefault();
    this.take(Number(index));
  }

  take(index) {
    const offer = this.offers[index];
    this.input.value = offer.endsWith(':') ? offer : `${offer} `;
    clearTimeout(this.waiting);
    if (offer.endsWith(':')) this.offer();
    else {
      this.change(this.input.value);
      this.close();
    }
  }

  key(event) {
    const isOpen = !this.list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!isOpen) this.offer();
      if (this.isOffering()) this.point(this.at + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Tab' && isOpen && this.at >= 0) {
      event.preventDefault();
      this.take(this.at);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (isOpen && this.at >= 0) this.take(this.at);
      else this.set(this.input.value);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (isOpen) this.close();
      else if (this.input.value) this.set('');
      else this.input.blur();
    }
  }

  point(to) {
    this.at = (to + this.offers.length) % this.offers.length;
    [...this.list.children].forEach((item, index) => item.setAttribute('aria-selected', String(index === this.at)));
    this.list.children[this.at]?.scrollIntoView({ block: 'nearest' });
    this.input.setAttribute('aria-activedescendant', `completion-${this.at}`);
  }

  complain(text) {
    this.problem.textContent = text ?? '';
    this.input.setAttribute('aria-invalid', String(Boolean(text)));
  }
}

function hasTerm(filter, term) {
  return filter.split(/\s+/).includes(term);
}
