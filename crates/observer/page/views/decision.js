// One decision: its story beside the lines that it comes from.

import { json } from "../api.js";
import { link, useAddress } from "../address.js";
import { html } from "../dom.js";
import { summary } from "../event.js";
import { useAnswer } from "../live.js";
import { AsOf, Choice, State, say } from "../parts.js";
import { Text, cut, many, number, short } from "../text.js";
import { Bytes, Fields } from "./tail.js";

const SHOW = [
  [null, "compact"],
  ["all", "all"],
  ["json", "JSON"],
];

export function Decision() {
  const { id, query } = useAddress();
  const load = (signal, onWait) => json(`derived/decisions/${encodeURIComponent(id)}`, {}, { signal, onWait });
  const answer = useAnswer(id, load, { every: 2000 });
  const story = answer.value;
  const show = query.get("show");
  if (story) say(`Decision ${short(id)}: ${many(story.events.length, "event")}.`);
  return html`
    <div class="bar">
      <h1>Decision <span class="id">${id}</span></h1>
      <${Choice} label="Lines" name="show" options=${SHOW} current=${show} />
      <a class="button" href=${link("tail", { decisionId: id })}>In the tail</a>
    </div>
    ${story && html`<${Neighbours} event=${story.events[0].event} />`}
    <${State} answer=${answer} />
    ${story &&
    html`<p class="lead"><${Text} value=${story.outcome} /></p>
      ${story.interrupted && html`<p class="note">The log ends within this decision's tick: its last events are not written yet.</p>`}
      <${Story} story=${story} show=${show} line=${query.get("line")} />
      ${story.feedbackLeftOut > 0 && html`<p class="note">${many(story.feedbackLeftOut, "later feedback event")} not shown.</p>`}
      <${AsOf} asOf=${story.asOf} />`}
  `;
}

function Story({ story, show, line }) {
  const told = (number) => story.explanation.filter((sentence) => sentence.line === number);
  return html`<div class="pane story" tabindex="0" role="region" aria-label="The story and its lines">
    <table>
      <caption class="hidden">What happened, and the lines of the log that say so</caption>
      <thead>
        <tr><th scope="col" class="number">Line</th><th scope="col">Story</th><th scope="col">Event</th></tr>
      </thead>
      <tbody>
        ${story.events.map(
          ({ line: number_, event }) => html`<tr key=${number_} class=${String(number_) === line ? "is-open" : ""}>
            <td class="number">
              <a href=${link("tail", { from: event.logicalTime, to: event.logicalTime, open: event.id })} data-row
                aria-label=${`Line ${number_} in the tail`}>${number(number_)}</a>
            </td>
            <td class="told">${told(number_).map(({ sentence }) => html`<p><${Text} value=${sentence} /></p>`)}</td>
            <td class="event type ${event.type.toLowerCase()}">
              <span class="name">${event.type}</span>
              ${show === "json"
                ? html`<${Bytes} line=${JSON.stringify(event)} />`
                : show === "all"
                  ? html`<${Fields} event=${event} />`
                  : html`<p class="what"><${Text} value=${cut(summary(event), 400)} /></p>`}
            </td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The previous and the next decision of the same instance: its logical times strictly increase. */
function Neighbours({ event }) {
  const { strategyInstanceId, logicalTime } = event;
  const { query } = useAddress();
  const load = async (signal) => {
    const values = { strategyInstanceId, limit: 1 };
    const before = await find({ ...values, to: logicalTime - 1 }, "previous", signal, logicalTime > 0);
    const after = await find({ ...values, from: logicalTime + 1, after: "0" }, "next", signal, logicalTime < Number.MAX_SAFE_INTEGER);
    return { before, after };
  };
  const answer = useAnswer(event.id, load, { every: 2000 });
  const step = (row, text, key) =>
    row
      ? html`<a class="button" href=${link(`decision/${row.decisionId}`, { show: query.get("show") })} data-step=${key}>${text}</a>`
      : html`<span class="button is-off" aria-disabled="true">${text}</span>`;
  return html`<nav class="neighbours" aria-label="Decisions of the same instance">
    ${step(answer.value?.before, "← Previous", "previous")}
    <span class="note">of instance <a class="id" href=${link("decisions", { strategyInstanceId })} title=${strategyInstanceId}>${short(strategyInstanceId)}</a></span>
    ${step(answer.value?.after, "Next →", "next")}
  </nav>`;
}

/** The first decision found, page by page in one direction; null if there is none. */
async function find(values, direction, signal, isPossible) {
  if (!isPossible) return null;
  let place = {};
  for (;;) {
    const page = await json("derived/decisions", { ...values, ...place }, { signal });
    if (page.decisions.length > 0) return page.decisions[0];
    const cursor = page[direction];
    if (cursor === null || cursor === Object.values(place)[0]) return null;
    place = direction === "next" ? { after: cursor } : { before: cursor };
  }
}
