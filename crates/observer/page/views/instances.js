// The lifecycle of each strategy instance over logical time, one lane each.

import { json } from "../api.js";
import { go, link, linkWith, useAddress } from "../address.js";
import { html } from "../dom.js";
import { useAnswer } from "../live.js";
import { AsOf, DecisionLink, Pause, State, say } from "../parts.js";
import { Text, many, number, short } from "../text.js";
import { Times } from "./times.js";

/** The lanes of a page, and the intervals of an opened lane. */
const LIMIT = 50;
const INTERVALS = 50;

/** The width of a lane, in units of its own: intervals that are narrower are drawn as one. */
const WIDTH = 1000;

const STATES = ["READY", "HOLDING", "COOLDOWN"];

export function Instances() {
  const { query } = useAddress();
  const isPaused = query.has("paused");
  const names = ["from", "to", "after", "before"];
  const values = { limit: LIMIT, ...Object.fromEntries(names.map((name) => [name, query.get(name)])) };
  const load = (signal, onWait) => json("derived/timeline", values, { signal, onWait });
  const answer = useAnswer(JSON.stringify(values), load, { every: 2000, isLive: !isPaused });
  const page = answer.value;
  if (page) say(`${many(page.instances.length, "instance")}.`);
  return html`
    <div class="bar">
      <h1>Instances</h1>
      <ul class="legend" aria-label="States">
        ${STATES.map((state) => html`<li><span class="swatch ${state.toLowerCase()}" aria-hidden="true"></span>${state}</li>`)}
      </ul>
      <${Times} />
      <${Pause} isPaused=${isPaused} />
    </div>
    <${State} answer=${answer} />
    ${page && html`<${Lanes} page=${page} query=${query} />`}
  `;
}

/** The stretch of time that the lanes show. */
function stretch(page, query) {
  const begins = page.instances.flatMap(({ intervals }) => intervals.slice(0, 1).map((interval) => Number(interval.from)));
  const from = Number(query.get("from") ?? Math.min(...begins, Number(page.asOf.logicalTime ?? 0)));
  const to = Number(query.get("to") ?? page.asOf.logicalTime ?? from);
  return { from, to: Math.max(to, from + 1) };
}

function Lanes({ page, query }) {
  const times = stretch(page, query);
  const opened = query.get("instance");
  return html`<${Zoom} times=${times} />
    <div class="pane lanes" tabindex="0" role="region" aria-label="Lanes of the instances">
      <table>
        <caption class="hidden">Strategy instances, and their states over logical time</caption>
        <thead>
          <tr>
            <th scope="col" class="instance">Instance</th>
            <th scope="col" class="state">Now</th>
            <th scope="col" class="lane"><${Axis} times=${times} /></th>
          </tr>
        </thead>
        <tbody>
          ${page.instances.length === 0 && html`<tr><td colspan="3" class="note">No instance has decided yet.</td></tr>`}
          ${page.instances.map((lane) => html`<${Lane} key=${lane.strategyInstanceId} lane=${lane} times=${times} isOpen=${lane.strategyInstanceId === opened} />`)}
        </tbody>
      </table>
    </div>
    <nav class="pages" aria-label="Pages">
      ${page.previous && html`<a class="button" href=${linkWith({ before: page.previous, after: null })}>Previous instances</a>`}
      ${page.next && html`<a class="button" href=${linkWith({ after: page.next, before: null })}>Next instances</a>`}
      <${AsOf} asOf=${page.asOf} />
    </nav>`;
}

function Zoom({ times }) {
  const length = times.to - times.from;
  const to = (from, end) => linkWith({ from: Math.max(0, Math.round(from)), to: Math.round(end) });
  return html`<nav class="zoom" aria-label="Stretch of time">
    <a class="button" href=${to(times.from - length / 2, times.to - length / 2)}>← Earlier</a>
    <a class="button" href=${to(times.from + length / 4, times.to - length / 4)}>Closer</a>
    <a class="button" href=${to(times.from - length / 2, times.to + length / 2)}>Wider</a>
    <a class="button" href=${to(times.from + length / 2, times.to + length / 2)}>Later →</a>
    <a class="button" href=${linkWith({ from: null, to: null })}>All</a>
  </nav>`;
}

const place = (time, { from, to }) => Math.min(WIDTH, Math.max(0, ((Number(time) - from) / (to - from)) * WIDTH));

/** Round times at even distances. */
function ticks({ from, to }) {
  const rough = Math.max(1, (to - from) / 6);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough));
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, index) => first + index * step);
}

function Axis({ times }) {
  return html`<div class="axis">
    <span class="hidden">Logical time from ${number(times.from)} to ${number(times.to)}</span>
    ${ticks(times).map(
      (time) => html`<span aria-hidden="true" style=${{ left: `${place(time, times) / (WIDTH / 100)}%` }}>${number(time)}</span>`,
    )}
  </div>`;
}

function Lane({ lane, times, isOpen }) {
  const id = lane.strategyInstanceId;
  const now = lane.intervals.at(-1);
  const toggle = linkWith({ instance: isOpen ? null : id });
  // A click on the lane opens it where it was clicked.
  const onClick = (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const time = Math.round(times.from + ((event.clientX - left) / width) * (times.to - times.from));
    const found = lane.intervals.findLast((interval) => Number(interval.from) <= time);
    if (found) go(link(`decision/${found.decisionId}`));
  };
  return html`<tr class=${isOpen ? "is-open" : ""}>
      <th scope="row" class="instance">
        <a class="id" href=${toggle} data-row aria-label=${`Instance ${id}, ${isOpen ? "hide" : "show"} its intervals`} title=${id}>${short(id)}</a>
      </th>
      <td class="state">
        ${now ? html`<span class="outcome ${now.state.toLowerCase()}">${now.state}</span>${now.marketId && html`<small><${Text} value=${`${now.quantity} ${now.marketId}`} /></small>`}` : "none"}
      </td>
      <td class="lane">
        <svg viewBox="0 0 ${WIDTH} 20" preserveAspectRatio="none" aria-hidden="true" onClick=${onClick}>
          ${STATES.map((state) => html`<path class=${state.toLowerCase()} d=${shape(lane.intervals, state, times)} />`)}
        </svg>
      </td>
    </tr>
    ${isOpen && html`<tr class="opened"><td colspan="3"><${Intervals} lane=${lane} /></td></tr>`}`;
}

/** All intervals of a state as one shape. Neighbours that cannot be told apart are drawn as one. */
function shape(intervals, state, times) {
  const spans = [];
  for (const interval of intervals.filter((one) => one.state === state)) {
    const start = place(interval.from, times);
    const end = Math.max(start + 0.8, place(interval.to ?? times.to, times));
    const last = spans.at(-1);
    if (last && start - last[1] < 0.4) last[1] = end;
    else spans.push([start, end]);
  }
  const [top, bottom] = state === "HOLDING" ? [1, 19] : state === "COOLDOWN" ? [5, 15] : [9, 11];
  return spans.map(([start, end]) => `M${start.toFixed(1)} ${top}H${end.toFixed(1)}V${bottom}H${start.toFixed(1)}Z`).join("");
}

function Intervals({ lane }) {
  const shown = lane.intervals.slice(-INTERVALS).toReversed();
  const hidden = lane.intervals.length - shown.length + Number(lane.intervalsLeftOut);
  return html`<div class="details">
    <p class="note">
      <span class="id">${lane.strategyInstanceId}</span>${" · "}<a href=${link("decisions", { strategyInstanceId: lane.strategyInstanceId })}>its decisions</a>${" · "}<a href=${link("tail", { strategyInstanceId: lane.strategyInstanceId })}>its lines</a>
    </p>
    <table>
      <caption class="hidden">Intervals, latest first</caption>
      <thead><tr><th scope="col" class="number">From</th><th scope="col" class="number">To</th><th scope="col">State</th><th scope="col">Position</th><th scope="col" class="number">Until</th><th scope="col">Begun by</th></tr></thead>
      <tbody>
        ${shown.map(
          (interval) => html`<tr key=${interval.from}>
            <td class="number">${number(interval.from)}</td>
            <td class="number">${interval.to === null ? "now" : number(interval.to)}</td>
            <td><span class="outcome ${interval.state.toLowerCase()}">${interval.state}</span></td>
            <td>${interval.marketId && html`<${Text} value=${`${interval.quantity} ${interval.marketId}`} />`}</td>
            <td class="number">${interval.until !== null && number(interval.until)}</td>
            <td><${DecisionLink} id=${interval.decisionId} /></td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${hidden > 0 && html`<p class="note">${many(hidden, "more interval")}: choose a shorter stretch of time.</p>`}
  </div>`;
}
