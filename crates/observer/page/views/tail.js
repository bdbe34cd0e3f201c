// The log's lines, live, newest last.

import { go, link, linkWith, useAddress } from "../address.js";
import { Component, html, useEffect, useLayoutEffect, useRef, useRowKeys, useState } from "../dom.js";
import { EVENT_TYPES, decisionOf, fields, idOf, isCertified, summary } from "../event.js";
import { FRESH_MAX, Feed, firstRows } from "../feed.js";
import { json } from "../api.js";
import { filtersOf } from "../filters.js";
import { useAnswer } from "../live.js";
import { DecisionLink, Filters, Trouble, copy, say, withFilter } from "../parts.js";
import { Text, cut, many, number } from "../text.js";

const FILTERS = [
  ...EVENT_TYPES.map((type) => `type=${type}`),
  ...["BUY", "SELL"].map((side) => `side=${side}`),
  "marketId=",
  "decisionId=",
  "strategyInstanceId=",
  "reason=",
  "from=",
  "to=",
  "text=",
];

/** How many characters of an event's words are in its row. */
const WORDS_MAX = 160;

/** So near to the end of the pane is at its end, and so near to the beginning reads on before it; in pixels. */
const AT_END = 4;
const AT_START = 80;

/** The first request of a tail that follows; null if it is held at a place. */
export const linesOf = (query) => (query.has("at") ? null : firstRows(filtersOf(query)));

export function Tail() {
  const { query } = useAddress();
  const at = query.get("at");
  const open = query.get("open");
  const feed = useFeed(filtersOf(query), at);
  const pane = useRef(null);
  const height = usePlace(pane, feed);
  const keys = useRowKeys(feed.rows.map((row) => row.id));
  const toggle = (row) => {
    hold(feed);
    go(linkWith({ open: row.id === open ? null : row.id }), { isStep: false });
  };
  const onScroll = ({ target }) => {
    // The browser scrolls too, where lines are gone.
    if (target.scrollHeight !== height()) return;
    const isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < AT_END;
    if (!feed.isHeld && !isAtEnd) hold(feed);
    if (feed.isHeld && target.scrollTop < AT_START && feed.previous && !feed.isReading && !feed.isFull) feed.readBack();
  };
  const isElsewhere = open && !feed.isReading && !feed.rows.some((row) => row.id === open);
  const fresh = feed.fresh >= FRESH_MAX ? `more than ${number(FRESH_MAX)}` : number(feed.fresh);
  say(feed.isHeld ? `Paused. ${fresh} new.` : feed.isReading ? "Reading." : "Following the log.");
  return html`
    <div class="bar">
      <h1>Tail</h1>
      <${Filters} hint="type=…, marketId=…, or a text" names=${FILTERS} />
      <button class="button" data-pause onClick=${() => (feed.isHeld ? follow() : hold(feed))}>
        ${feed.isHeld ? "Follow" : "Pause"}
      </button>
    </div>
    ${feed.problem && html`<${Trouble} problem=${feed.problem} />`}
    ${isElsewhere && html`<${Elsewhere} id=${open} query=${query} />`}
    <div class="pane tail" tabindex="0" role="region" aria-label="Lines of the log" aria-busy=${feed.isReading} ref=${pane} onScroll=${onScroll}
      onFocusIn=${(event) => event.target !== pane.current && hold(feed)} data-from="end">
      <div class="lines">
        <${Before} feed=${feed} />
        <table>
          <caption class="hidden">Events in file order, newest last</caption>
          <thead>
            <tr>
              <th scope="col" class="time">Time</th>
              <th scope="col" class="type">Type</th>
              <th scope="col" class="what">What</th>
              <th scope="col" class="decision">Decision</th>
            </tr>
          </thead>
          <tbody>
            ${feed.rows.map((row) => html`<${Line} key=${keys.get(row.id)} row=${row} isOpen=${row.id === open} toggle=${toggle} />`)}
          </tbody>
        </table>
        <div class="after">
          ${feed.hasLater &&
          html`<button class="button quiet" onClick=${() => feed.readOn().then(() => go(linkWith({ at: feed.at }), { isStep: false }))}>
            Later lines
          </button>`}
        </div>
      </div>
    </div>
    ${feed.isHeld && html`<button class="fresh" onClick=${follow}>${fresh} new ↓</button>`}
  `;
}

/** The feed of these filters, held at a place or not; the component is drawn again as it changes. */
function useFeed(filters, at) {
  const [, draw] = useState(0);
  const kept = useRef(null);
  const key = JSON.stringify([...filters]);
  if (kept.current === null || kept.current.key !== key || kept.current.feed.at !== at) {
    kept.current?.feed.stop();
    kept.current = { key, feed: new Feed(filters, at, () => draw((count) => count + 1)) };
  }
  useEffect(() => () => kept.current.feed.stop(), []);
  return kept.current.feed;
}

function hold(feed) {
  if (!feed.isHeld) go(linkWith({ at: feed.hold() }), { isStep: false });
}

const follow = () => go(linkWith({ at: null, open: null }));

/**
 * Keeps the pane at its end while the log is followed, and at its place when lines are put before. It does so after the browser has
 * laid the lines out: to ask for their height earlier would force the layout into the task that draws them. Returns a function that
 * gives the last known height.
 */
function usePlace(pane, feed) {
  const last = useRef({});
  useLayoutEffect(() => {
    const { current } = pane;
    last.current = {};
    const place = () => {
      const { drawn, first, height } = last.current;
      if (!feed.isHeld || first === undefined) {
        const opened = feed.isHeld && current.querySelector(".opened");
        if (opened) opened.scrollIntoView({ block: "center" });
        else current.scrollTop = current.scrollHeight;
      } else if (drawn !== first) {
        current.scrollTop += current.scrollHeight - height;
      }
      last.current = { ...last.current, first: drawn, height: current.scrollHeight };
      feed.fillView();
    };
    // It calls for the sizes that there are, and then for each change of them.
    const sizes = new ResizeObserver(place);
    sizes.observe(current);
    sizes.observe(current.firstElementChild);
    return () => sizes.disconnect();
  }, [feed]);
  useLayoutEffect(() => {
    const drawn = feed.rows[0]?.id;
    const { first, isHeld } = last.current;
    // While the log is followed, other rows come at the same height, without a change of sizes: they are not put before.
    const isFollowing = first !== undefined && !(feed.isHeld && isHeld);
    last.current = { ...last.current, drawn, first: isFollowing ? drawn : first, isHeld: feed.isHeld };
  });
  return () => last.current.height;
}

function Before({ feed }) {
  if (feed.waiting) return html`<p class="note">${feed.waiting.document.detail}. This page asks again.</p>`;
  if (feed.isSearching) return html`<p class="note">Searching: ${many(feed.rows.length, "line")} so far…</p>`;
  if (feed.isReading && feed.rows.length === 0) return html`<p class="note">Reading…</p>`;
  if (feed.previous === null) {
    const isEmpty = feed.rows.length === 0;
    return html`<p class="note">${isEmpty ? "No line of the log matches. New ones appear here." : feed.isFiltered ? "No earlier line matches." : "The log begins here."}</p>`;
  }
  const before = feed.isFull
    ? html`<a class="button quiet" href=${linkWith({ at: feed.rows[0].end, open: null })}>Earlier lines</a>`
    : html`<button class="button quiet" onClick=${() => (hold(feed), feed.readBack())}>Earlier lines</button>`;
  return html`<p class="note">${before}</p>`;
}

/** One line: drawn once, and again when it is opened or closed. */
class Line extends Component {
  shouldComponentUpdate(next) {
    return next.row !== this.props.row || next.isOpen !== this.props.isOpen;
  }

  render({ row, isOpen, toggle }) {
    const { event } = row;
    const decision = decisionOf(event);
    return html`
      <tr class=${isOpen ? "is-open" : ""}>
        <td class="time">${number(event.logicalTime)}</td>
        <td class="type ${event.type.toLowerCase()}">
          <button data-row aria-expanded=${isOpen} onClick=${() => toggle(row)}>${event.type}</button>
        </td>
        <td class="what"><${Text} value=${cut(summary(event), WORDS_MAX)} /></td>
        <td class="decision">${decision && html`<${DecisionLink} id=${decision} />`}</td>
      </tr>
      ${isOpen &&
      html`<tr class="opened">
        <td colspan="4"><${Opened} line=${row.text} event=${event} at=${row.end} /></td>
      </tr>`}
    `;
  }
}

/** A line's exact bytes, and its fields, each a filter. */
export function Opened({ line, event, at, children }) {
  const { query } = useAddress();
  const decision = decisionOf(event);
  const here = at ? link("tail", onlyFilters(query, { at, open: idOf(line) })) : null;
  return html`<div class="details">
    <${Bytes} line=${line} />
    <div class="actions">
      <button class="button" onClick=${() => copy(line)}>Copy</button>
      ${here && html`<a class="button" href=${here}>Link</a>
        <button class="button" onClick=${() => copy(new URL(here, document.baseURI).href)}>Copy link</button>`}
      ${decision && html`<a class="button" href=${link(`decision/${decision}`)}>Decision</a>`}
      <a class="button" href=${link("proof", { line: idOf(line) })}>Prove</a>
      ${children}
    </div>
    <${Fields} event=${event} />
  </div>`;
}

function onlyFilters(query, values) {
  const filters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) filters.set(name, value);
  return filters;
}

/** The exact bytes of a line, and whether its id is the one that its content demands. */
export function Bytes({ line }) {
  const isRight = isCertified(line);
  return html`<pre class="bytes"><${Text} value=${line} isWhole=${true} /></pre>
    <p class="note ${isRight ? "good" : "bad"}">
      ${isRight ? "✓ The id is that of the content, computed in this browser." : "✕ The id is not that of the content."}
    </p>`;
}

/** The fields of an event: each value is a filter of the tail. */
export function Fields({ event }) {
  const { query, view } = useAddress();
  const filter = (name, value) => {
    const known = { "target.decisionId": "decisionId" }[name] ?? name;
    return view === "tail" ? withFilter(query, known, String(value)) : link("tail", { [known]: String(value) });
  };
  return html`<table class="fields">
    <caption class="hidden">Fields of the event</caption>
    <tbody>
      ${fields(event).map(
        ([name, value]) => html`<tr>
          <th scope="row">${name}</th>
          <td>
            <${Text} value=${value} />
            ${name !== "id" &&
            html`<a class="add" href=${filter(name, value)} aria-label=${`Filter by ${name}`} title="Filter by this">+</a>`}
          </td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

/** The line that a link opens, where it is not among the rows. */
function Elsewhere({ id }) {
  const answer = useAnswer(id, (signal) => json(`persistence/audit-events/${encodeURIComponent(id)}`, {}, { signal }), {
    isLive: false,
  });
  if (answer.problem) return html`<${Trouble} problem=${answer.problem} />`;
  if (!answer.value) return null;
  const { event, lineNumber } = answer.value;
  return html`<section class="elsewhere" aria-label="The opened line">
    <p class="note">Line ${number(lineNumber)}, not among the lines below.</p>
    <${Opened} line=${JSON.stringify(event)} event=${event} />
  </section>`;
}
