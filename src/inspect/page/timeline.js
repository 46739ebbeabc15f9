// When what came: the events of a stream on a true axis of time, the phases of the exchange above them, a table below.

import { cut, foreign, h, svg, visible, Virtual } from './dom.js';
import { button, checkbox, choices, copyButton, dotted } from './parts.js';
import { number, say, sayOr, span } from './words.js';

/// From above to below; one without events is left out.
const LANES = ['reasoning', 'content', 'tool', 'none', 'error'];
const LANE_HEIGHT = 30;
const TOP = 62;
const LEFT = 92;
const RIGHT = 14;
/// Silence that is worth a word: at least this long, and this part of the whole.
const GAP_US = 300_000;
const GAP_PART = 0.06;
const MOST_GAPS = 6;
const MARKS = ['connected', 'head', 'first_event', 'first_token', 'first_text', 'first_tool', 'end'];

/// What is shown of the table, and which stream: kept while the page is open.
const shown = { reasoning: true, content: true, tool: true, none: true, error: true };
let chosenStream = null;

export function timelineTab(panel, view) {
  const line = new Timeline(panel);
  line.show(view);
  return (now) => line.show(now);
}

class Timeline {
  constructor(panel) {
    this.bar = h('div.bar');
    this.plot = h('div.plot');
    this.detail = h('p.event-detail', {}, '\u00a0');
    this.tableBar = h('div.bar');
    this.table = h('div.events', { role: 'table', 'aria-label': say('t_name'), tabIndex: 0 });
    this.moments = h('section.moments');
    panel.append(this.bar, this.plot, this.detail, this.tableBar, this.table, this.moments);
    this.at = -1;
    this.rows = null;
    new ResizeObserver(() => {
      if (this.view && this.plot.clientWidth !== this.width) this.draw();
    }).observe(this.plot);
  }

  show(view) {
    this.view = view;
    const { streams } = view;
    this.stream = streams.find((one) => streamKey(one) === chosenStream) ?? streams[0] ?? null;
    this.events = this.stream?.events ?? [];
    this.bar.replaceChildren(
      streams.length > 1
        ? choices(
            say('t_which'),
            streams.map((one) => [streamKey(one), streamName(one)]),
            streamKey(this.stream),
            (to) => {
              chosenStream = to;
              this.show(this.view);
            },
          )
        : '',
      h(
        'span.meta',
        {},
        this.stream ? dotted(say('t_events', { n: this.events.length }), leftOut(this.stream)) : say('t_none'),
      ),
    );
    this.draw();
    this.drawTable();
    this.drawMoments();
  }

  draw() {
    this.width = this.plot.clientWidth;
    if (this.width < 50) return;
    const { times } = this.view;
    this.used = LANES.filter((lane) => this.events.some((event) => event.channel === lane));
    const last = this.events.length ? this.events[this.events.length - 1].at_us : 0;
    this.end = Math.max(times.end ?? 0, last, ...MARKS.map((mark) => times[mark] ?? 0), 1000) * 1.01;
    const height = TOP + Math.max(1, this.used.length) * LANE_HEIGHT + 26;
    this.cursor = svg('line.cursor', { y1: TOP - 4, y2: height - 24, x1: -9, x2: -9 });
    const picture = svg(
      'svg',
      { width: this.width, height, viewBox: `0 0 ${this.width} ${height}`, 'aria-hidden': 'true' },
      this.gaps(),
      this.axis(height),
      this.phases(),
      this.lanes(),
      this.marks(height),
      this.cursor,
    );
    const slider = h(
      'div.slider',
      {
        role: 'slider',
        tabIndex: this.events.length ? 0 : -1,
        'aria-label': say('t_plot'),
        'data-keep': 'plot',
        'aria-valuemin': 0,
        'aria-valuemax': Math.max(0, this.events.length - 1),
        'aria-valuenow': Math.max(0, this.at),
        'aria-valuetext': this.events.length ? '' : say('t_none'),
        on: {
          pointermove: (event) => this.hover(event),
          pointerdown: (event) => this.hover(event),
          keydown: (event) => this.key(event),
        },
      },
      picture,
    );
    this.slider = slider;
    const held = this.plot.contains(document.activeElement);
    this.plot.replaceChildren(slider);
    if (held) slider.focus({ preventScroll: true });
    if (this.at >= 0 && this.at < this.events.length) this.point(this.at, false);
  }

  x(us) {
    return LEFT + (us / this.end) * (this.width - LEFT - RIGHT);
  }

  axis(height) {
    const group = svg('g.axis');
    const step = niceStep(this.end / Math.max(2, (this.width - LEFT) / 110));
    for (let at = 0; at <= this.end; at += step) {
      const x = this.x(at);
      group.append(
        svg('line', { x1: x, x2: x, y1: TOP - 4, y2: height - 22 }),
        svg('text', { x, y: height - 8, 'text-anchor': at === 0 ? 'start' : 'middle' }, at === 0 ? '0' : span(at)),
      );
    }
    return group;
  }

  /// What the time went into.
  phases() {
    const { times } = this.view;
    const group = svg('g.phases');
    let from = 0;
    for (const [name, until] of phasesOf(times)) {
      const [x, width] = [this.x(from), Math.max(1, this.x(until) - this.x(from))];
      const bar = svg(`rect.phase.${name}`, { x, y: 8, width, height: 18, rx: 3 });
      bar.append(svg('title', {}, `${say(`phase_${name}`)}: ${span(until - from)}`));
      group.append(bar);
      const label = `${say(`phase_${name}`)} ${span(until - from)}`;
      if (width > label.length * 6.4 + 8) group.append(svg('text', { x: x + 5, y: 21 }, label));
      from = until;
    }
    return group;
  }

  lanes() {
    const group = svg('g.lanes');
    this.used.forEach((lane, index) => {
      const base = TOP + (index + 1) * LANE_HEIGHT;
      group.append(
        svg('text.lane', { x: 4, y: base - 9 }, say(lane === 'none' ? 't_none_channel' : `t_${lane}`)),
        svg('line.base', { x1: LEFT, x2: this.width - RIGHT, y1: base, y2: base }),
        svg(`path.ticks.${lane}`, { d: this.ticks((event) => event.channel === lane, base) }),
      );
    });
    return group;
  }

  /// A line for each event; those that share a pixel are one, and higher.
  ticks(of, base) {
    const columns = new Map();
    for (const event of this.events) {
      if (!of(event)) continue;
      const x = Math.round(this.x(event.at_us) * 2) / 2;
      columns.set(x, (columns.get(x) ?? 0) + 1);
    }
    return [...columns].map(([x, many]) => `M${x} ${base}v-${Math.min(LANE_HEIGHT - 5, 10 + many * 3)}`).join('');
  }

  marks(height) {
    const group = svg('g.marks');
    let free = [-99, -99];
    for (const mark of MARKS) {
      const at = this.view.times[mark];
      if (at === null) continue;
      const x = this.x(at);
      const text = sayOr('mark_', mark);
      const width = text.length * 6.1 + 8;
      const isLast = x + width > this.width;
      const left = isLast ? x - width : x + 3;
      const row = free.findIndex((until) => left > until);
      group.append(
        svg(`line.mark.${mark}`, { x1: x, x2: x, y1: 30, y2: height - 22 }, svg('title', {}, `${text}: ${span(at)}`)),
      );
      if (row < 0) continue;
      free[row] = left + width;
      group.append(
        svg(
          'text',
          isLast ? { x: x - 4, y: 40 + row * 13, 'text-anchor': 'end' } : { x: left, y: 40 + row * 13 },
          text,
        ),
      );
    }
    return group;
  }

  gaps() {
    const group = svg('g.gaps');
    const found = [];
    let before = 0;
    for (const { at_us: at } of this.events) {
      if (at - before >= Math.max(GAP_US, this.end * GAP_PART)) found.push([before, at]);
      before = at;
    }
    found.sort((a, b) => b[1] - b[0] - (a[1] - a[0]));
    for (const [from, until] of found.slice(0, MOST_GAPS)) {
      const [x, width] = [this.x(from), this.x(until) - this.x(from)];
      group.append(svg('rect', { x, width, y: TOP, height: this.used.length * LANE_HEIGHT }));
      const label = say('t_gap', { time: span(until - from) });
      if (width > label.length * 6.2)
        group.append(
          svg(
            'text',
            { x: x + width / 2, y: TOP + this.used.length * LANE_HEIGHT - 8, 'text-anchor': 'middle' },
            label,
          ),
        );
    }
    return group;
  }

  hover(event) {
    if (!this.events.length) return;
    const box = this.plot.getBoundingClientRect();
    const at = ((event.clientX - box.left - LEFT) / (this.width - LEFT - RIGHT)) * this.end;
    this.point(nearest(this.events, at), event.type === 'pointerdown');
  }

  key(event) {
    const last = this.events.length - 1;
    const to = {
      ArrowRight: this.at + 1,
      ArrowUp: this.at + 1,
      ArrowLeft: this.at - 1,
      ArrowDown: this.at - 1,
      Home: 0,
      End: last,
      PageDown: this.at + 20,
      PageUp: this.at - 20,
    }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.point(Math.min(last, Math.max(0, to)), true);
  }

  /// Shows one event.
  point(index, alsoInTable) {
    this.at = index;
    const event = this.events[index];
    const x = this.x(event.at_us);
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
    const channel = say(event.channel === 'none' ? 't_none_channel' : `t_${event.channel}`);
    this.slider.setAttribute('aria-valuenow', index);
    this.slider.setAttribute(
      'aria-valuetext',
      say('t_event_is', {
        n: index + 1,
        at: span(event.at_us),
        channel,
        name: visible(event.name),
        text: visible(cut(event.text, 60)),
      }),
    );
    this.detail.replaceChildren(
      h('strong', {}, `#${number(index + 1)}  ${span(event.at_us)}`),
      ' ',
      channel,
      ' ',
      h('code', {}, visible(cut(event.name, 80))),
      ' ',
      foreign(cut(event.text, 200)),
    );
    if (!alsoInTable || !this.rows) return;
    const row = this.listed.findIndex((one) => one.index >= index);
    if (row >= 0) this.rows.reveal(row);
  }

  drawTable() {
    const count = (channel) => this.events.reduce((sum, event) => sum + (event.channel === channel ? 1 : 0), 0);
    const text = (channel) =>
      this.events
        .filter((event) => event.channel === channel)
        .map((event) => event.text)
        .join('');
    const boxes = ['content', 'reasoning', 'tool', 'none', 'error']
      .filter((channel) => count(channel))
      .map((channel) =>
        checkbox(
          `${say(channel === 'none' ? 't_none_channel' : `t_${channel}`)} (${number(count(channel))})`,
          shown[channel],
          (on) => {
            shown[channel] = on;
            this.drawTable();
          },
          `show ${channel}`,
        ),
      );
    const held = this.tableBar.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
    this.tableBar.replaceChildren(
      ...boxes,
      h('span.grow'),
      count('content') ? copyButton(() => text('content'), say('t_copy_content')) : '',
      count('reasoning') ? copyButton(() => text('reasoning'), say('t_copy_reasoning')) : '',
      this.events.length
        ? button(say('t_scroll_last'), () => this.rows.reveal(this.listed.length - 1), { className: 'quiet' })
        : '',
    );
    if (held) this.tableBar.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus();
    let before = 0;
    const all = this.events.map((event, index) => {
      const since = event.at_us - before;
      before = event.at_us;
      return { event, index, since };
    });
    this.listed = all.filter(({ event }) => shown[event.channel]);
    this.table.hidden = !this.events.length;
    if (!this.rows) this.makeTable();
    this.table.setAttribute('aria-rowcount', this.listed.length + 1);
    this.table.style.setProperty('height', `${Math.min(420, 34 + this.listed.length * 26)}px`);
    this.rows.show(this.listed);
  }

  makeTable() {
    const cell = (name) => h('span', { role: 'columnheader' }, name);
    this.table.append(
      h(
        'div.event.header',
        { role: 'row' },
        cell('#'),
        cell(say('t_time')),
        cell(say('t_since')),
        cell(say('t_name')),
        cell(say('t_adds')),
      ),
    );
    this.rows = new Virtual(this.table, {
      height: 26,
      key: (row) => row.index,
      className: 'event',
      fill: (node, { event, index, since }) => {
        node.className = `event line ${event.channel}`;
        node.setAttribute('role', 'row');
        node.setAttribute('aria-rowindex', index + 2);
        if (node.firstChild && node.dataset.text === event.text) return;
        node.dataset.text = event.text;
        node.replaceChildren(
          ...[
            number(index + 1),
            span(event.at_us),
            `+${span(since)}`,
            visible(cut(event.name, 60)),
            visible(cut(event.text, 300)),
          ].map((text) => h('span', { role: 'cell' }, text)),
        );
      },
    });
    this.rows.sizer.setAttribute('role', 'rowgroup');
  }

  drawMoments() {
    const moments = this.view.moments.filter((moment) => moment.what !== 'note');
    this.moments.replaceChildren(
      ...(moments.length
        ? [
            h('h3', {}, say('moments')),
            h(
              'ul',
              {},
              moments.map((moment) =>
                h('li', {}, h('span.meta', {}, span(moment.at_us)), ' ', foreign(momentText(moment))),
              ),
            ),
          ]
        : []),
    );
  }
}

export function momentText(moment) {
  const name = moment.what === 'connected' && !moment.fresh ? 'm_connected_idle' : `m_${moment.what}`;
  const values = Object.fromEntries(Object.entries(moment).map(([key, value]) => [key, value ?? '–']));
  return say(name, values);
}

function leftOut(stream) {
  return stream.left_out ? say('t_left_out', { n: stream.left_out }) : null;
}

function streamKey(stream) {
  return `${stream.pane}.${stream.attempt}`;
}

function streamName(stream) {
  return sayOr('', stream.pane ?? '') + (stream.attempt ? ` (${say('attempt', { n: stream.attempt + 1 })})` : '');
}

/// Phases, each with its end, as far as it came.
export function phasesOf(times) {
  const ends = [
    ['connect', times.connected],
    ['head', times.head],
    ['prompt', times.first_token],
  ];
  const speaks = times.first_text ?? times.first_tool;
  if (times.first_token !== null && speaks !== null && speaks > times.first_token) ends.push(['think', speaks]);
  if (times.end !== null && times.first_token !== null) ends.push([speaks === null ? 'think' : 'answer', times.end]);
  let before = 0;
  return ends.filter(([, until]) => {
    if (until === null || until < before) return false;
    before = until;
    return true;
  });
}

function nearest(events, at) {
  let [low, high] = [0, events.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].at_us < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - events[low - 1].at_us < events[low].at_us - at ? low - 1 : low;
}

/// 1, 2 or 5 times a power of ten, not below.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}
