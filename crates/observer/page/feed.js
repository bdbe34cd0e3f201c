// A stretch of the log's lines, followed as it grows, or held at a place.

import { LINES, Problem, delay, lines, parse } from "./api.js";
import { idOf } from "./event.js";
import { asked, test } from "./filters.js";

/** The filters that the API knows. */
const KNOWN = new Set(["type", "decisionId", "marketId", "strategyInstanceId", "from", "to"]);

/** The least height of a row, in pixels. */
const ROW_HEIGHT = 22;

/** How many rows are followed: as many as the window has room for, and at most 50, since all may be others in the next drawing. */
const rowsInView = () => Math.min(50, Math.max(20, Math.ceil(innerHeight / ROW_HEIGHT)));

/** The rows that are read at once while reading back, and the most that are held. */
const ROWS_BACK = 100;
const ROWS_MAX = 1000;
const LIMIT_MAX = 1000;

/** How long to wait at the end of the log, and how often rows are drawn at most, in milliseconds. */
const AT_END = 200;
const BETWEEN_DRAWINGS = 250;

/** A page that read so much of the log was ended by the API's budget, not by the log's end. In bytes. */
const BUDGET = 8 << 20;

/** The request of the first page of rows that are followed, and its form. */
export const firstRows = (filters) => {
  const limit = limitOf(test(filters, KNOWN), rowsInView());
  return ["persistence/audit-events", { ...asked(filters, KNOWN), limit }, LINES];
};

/** How many lines to ask for, if so many rows are wanted: lines that the page itself tests may not be rows. */
const limitOf = (fits, rows) => (fits ? LIMIT_MAX : rows);

/** The most pages of one search, and the most lines that are counted while nobody looks at them. */
const PAGES_MAX = 8;
export const FRESH_MAX = 100_000;

/** One line of the log: its text, and a cursor at its end or, with filters, at the end of the page that it came with. */
class Row {
  #event = null;

  constructor(text, end) {
    this.text = text;
    this.id = idOf(text);
    this.end = end;
  }

  get event() {
    this.#event ??= parse(this.text);
    return this.#event;
  }
}

export class Feed {
  rows = [];
  /** The lines that followed since the rows are held. */
  fresh = 0;
  /** The cursor from which the page before is read; null: the log begins here. */
  previous = null;
  problem = null;
  /** What is waited for. */
  waiting = null;
  isReading = true;
  isSearching = false;

  #filters;
  #isExact;
  #fits;
  #tip = null;
  #stop = new AbortController();
  #draw;
  #timer = null;
  #drawn = Number.NEGATIVE_INFINITY;

  /** `at`: the cursor before which the rows are held; null: they follow the log. */
  constructor(filters, at, draw) {
    this.#filters = asked(filters, KNOWN);
    this.#isExact = Object.keys(this.#filters).length === 0;
    const fits = test(filters, KNOWN);
    this.#fits = fits && ((row) => fits(row.event, row.text));
    this.at = at;
    this.#draw = draw;
    this.#run();
  }

  stop() {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** Holds the rows that are there. */
  hold() {
    if (this.at === null) this.at = this.end;
    this.fresh = 0;
    return this.at;
  }

  get isFiltered() {
    return !this.#isExact || this.#fits !== null;
  }

  get isHeld() {
    return this.at !== null;
  }

  /** The cursor at the end of the rows. */
  get end() {
    return this.rows.at(-1)?.end ?? this.#tip ?? "0";
  }

  /** True if lines after those that are held are known. */
  get hasLater() {
    return this.isHeld && !this.isFull && Number(this.#tip) > Number(this.end);
  }

  get isFull() {
    return this.rows.length >= ROWS_MAX;
  }

  /** Reads so many lines before those that are followed that the window is full, if it has become higher. */
  fillView() {
    const wanted = rowsInView();
    if (this.isHeld || this.isReading || this.previous === null || this.rows.length >= wanted) return;
    this.#once(() => this.#fill(wanted));
  }

  /** Reads the page before the rows. */
  readBack = () => this.#once(() => this.#fill(this.rows.length + ROWS_BACK));

  /** Reads the page after the rows that are held. */
  readOn = () =>
    this.#once(async () => {
      const page = await this.#read({ after: this.end, limit: ROWS_BACK });
      const have = new Set(this.rows.map((row) => row.id));
      this.rows.push(...page.rows.filter((row) => !have.has(row.id)));
      this.at = page.next;
      this.fresh = Math.max(0, this.fresh - page.rows.length);
    });

  async #run() {
    await this.#once(async () => {
      // What follows is counted from the present end on, however long ago the place is.
      const held = this.at === null ? {} : { before: this.at };
      if (this.at !== null) this.#tip = (await this.#read({ limit: 1 }, { isPlain: true })).next;
      await this.#fill(rowsInView(), held);
    });
    for (;;) {
      try {
        await this.#follow();
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#fail(error);
        await delay(1000, this.#stop.signal).catch(() => {});
        if (this.#stop.signal.aborted) return;
      }
    }
  }

  async #follow() {
    const { signal } = this.#stop;
    for (;;) {
      await isVisible(signal);
      if (this.isHeld && this.fresh >= FRESH_MAX) {
        await delay(AT_END, signal);
        continue;
      }
      if (this.#tip === null) {
        await this.#fill(rowsInView());
        this.isReading = false;
        this.#drawSoon();
      }
      const before = this.#tip;
      const page = await this.#read({ after: before, limit: LIMIT_MAX }, { keep: this.#fits ? Infinity : rowsInView() });
      this.#tip = page.next;
      if (this.problem !== null) this.#drawSoon();
      this.problem = null;
      const count = this.#fits ? page.rows.length : page.count;
      if (count > 0) {
        if (this.isHeld) {
          this.fresh += count;
        } else {
          const all = this.rows.length + count;
          this.rows = this.rows.concat(page.rows).slice(-rowsInView());
          // To read back from there gives the first row once more, which is left out.
          if (this.rows.length < all) this.previous = this.rows[0].end;
        }
        this.#drawSoon();
      }
      const isAtEnd = page.count < LIMIT_MAX && Number(page.next) - Number(before) < BUDGET;
      if (isAtEnd) await delay(AT_END, signal);
    }
  }

  /** Reads back until there are so many rows, the log begins, or enough pages were searched. */
  async #fill(wanted, first = {}) {
    let place = this.rows.length > 0 || this.previous !== null ? { before: this.previous } : first;
    for (let pages = 0; pages < PAGES_MAX && this.rows.length < wanted; pages += 1) {
      const missing = wanted - this.rows.length;
      const before = this.previous;
      const page = await this.#read({ ...place, limit: limitOf(this.#fits, missing) });
      // Rows that are followed have gone meanwhile: what was read is not next to those that are left.
      if (this.previous !== before) break;
      const have = new Set(this.rows.map((row) => row.id));
      this.rows = [...page.rows.filter((row) => !have.has(row.id)), ...this.rows];
      this.previous = page.previous;
      this.#tip ??= page.next;
      if (page.previous === null || this.rows.length >= wanted) break;
      this.isSearching = true;
      this.#drawSoon();
      place = { before: page.previous };
    }
    this.isSearching = false;
  }

  /** One reading at a time, with its problem. */
  async #once(reading) {
    this.isReading = true;
    // Without rows there is nothing to draw, and the first ones must not wait for it.
    if (this.rows.length > 0) this.#drawSoon();
    try {
      await reading();
      this.problem = null;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    }
    this.isReading = false;
    this.#drawSoon();
  }

  async #read(values, { isPlain = false, keep = Infinity } = {}) {
    const onWait = (problem) => {
      this.waiting = problem;
      this.#drawSoon();
    };
    const filters = isPlain ? {} : this.#filters;
    const page = await lines({ ...filters, ...values }, { signal: this.#stop.signal, keep, onWait });
    this.waiting = null;
    const start = Number(page.next) - page.bytes;
    const end = (index) => (this.#isExact ? String(start + page.ends[index]) : page.next);
    const rows = page.texts.map((text, index) => new Row(text, end(index)));
    return { ...page, rows: this.#fits && !isPlain ? rows.filter(this.#fits) : rows };
  }

  #fail(error) {
    if (!(error instanceof Problem)) throw error;
    this.problem = error;
    this.#drawSoon();
  }

  /** Draws now, or later: not more often than a reader can follow. */
  #drawSoon() {
    if (this.#timer !== null) return;
    const draw = () => {
      this.#timer = null;
      this.#drawn = performance.now();
      if (!this.#stop.signal.aborted) this.#draw();
    };
    const wait = this.#drawn + BETWEEN_DRAWINGS - performance.now();
    if (wait > 0) this.#timer = setTimeout(draw, wait);
    else draw();
  }
}

/** Waits while the page is in a tab that is not shown. */
export async function isVisible(signal) {
  while (document.hidden) await delay(500, signal);
}
