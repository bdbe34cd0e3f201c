// How many decisions became what, and why: each number leads to its decisions.

import { json } from "../api.js";
import { link, useAddress } from "../address.js";
import { html } from "../dom.js";
import { useAnswer } from "../live.js";
import { AsOf, Choice, Pause, State, Table, say } from "../parts.js";
import { Text, many, number, short } from "../text.js";
import { Times } from "./times.js";

const BY = [
  [null, "no groups"],
  ["instance", "instance"],
  ["market", "market"],
  ["class", "class"],
  ["pool", "pool"],
];

/** The filter of decisions that a group of each kind is. */
const GROUP = {
  instance: "strategyInstanceId",
  market: "targetMarketId",
  class: "decisionClass",
  pool: "parameterPoolId",
};

const OUTCOMES = ["FILLED", "PARTIALLY_FILLED", "BLOCKED", "SKIPPED", "FAILED", "INTERRUPTED"];

export function Funnel() {
  const { query } = useAddress();
  const by = query.get("by") || null;
  const isPaused = query.has("paused");
  const values = { by, from: query.get("from"), to: query.get("to") };
  const load = (signal, onWait) => json("derived/summary", values, { signal, onWait });
  const answer = useAnswer(JSON.stringify(values), load, { every: 2000, isLive: !isPaused });
  const summary = answer.value;
  if (summary) say(`${many(summary.decisions, "decision")}.`);
  const times = { from: values.from, to: values.to };
  return html`
    <div class="bar">
      <h1>Funnel</h1>
      <${Choice} label="Groups" name="by" options=${BY} current=${by} />
      <${Times} />
      <${Pause} isPaused=${isPaused} />
    </div>
    <${State} answer=${answer} />
    ${summary &&
    html`<div class="funnel">
        <${Steps} funnel=${summary} times=${times} />
        <${Reasons} funnel=${summary} times=${times} />
      </div>
      ${by && html`<${Groups} by=${by} summary=${summary} times=${times} />`}
      <${AsOf} asOf=${summary.asOf} />`}
  `;
}

const Count = ({ count, values, isRow = false }) =>
  count === 0
    ? html`<span class="zero">0</span>`
    : html`<a href=${link("decisions", values)} data-row=${isRow ? "" : null}>${number(count)}</a>`;

/** A bar whose length is the share of all decisions. */
const Bar = ({ count, of, name }) =>
  html`<svg class="meter ${name}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect width=${of === 0 ? 0 : (100 * Number(count)) / Number(of)} height="10" />
  </svg>`;

function Steps({ funnel, times }) {
  const row = (name, count, values) => html`<tr>
    <th scope="row">${name}</th>
    <td class="number"><${Count} count=${count} values=${{ ...times, ...values }} isRow=${true} /></td>
    <td class="share"><${Bar} count=${count} of=${funnel.decisions} name=${name.toLowerCase()} /></td>
  </tr>`;
  return html`<section aria-labelledby="outcomes">
    <h2 id="outcomes">What became of them</h2>
    <table>
      <caption class="hidden">Decisions by outcome</caption>
      <thead><tr><th scope="col">Outcome</th><th scope="col" class="number">Decisions</th><th scope="col">Share</th></tr></thead>
      <tbody>
        ${row("DECISIONS", funnel.decisions, {})}
        ${OUTCOMES.map((outcome) => row(outcome, funnel.outcomes[outcome], { outcome }))}
        ${Object.entries(funnel.sides).map(([side, count]) => row(`FILLED ${side}`, count, { outcome: "FILLED", side }))}
      </tbody>
    </table>
  </section>`;
}

function Reasons({ funnel, times }) {
  const reasons = Object.entries(funnel.reasons).sort(([, one], [, other]) => Number(other) - Number(one));
  return html`<section aria-labelledby="reasons">
    <h2 id="reasons">Why</h2>
    <table>
      <caption class="hidden">Decisions by reason</caption>
      <thead><tr><th scope="col">Reason</th><th scope="col" class="number">Decisions</th><th scope="col">Share</th></tr></thead>
      <tbody>
        ${reasons.length === 0 && html`<tr><td colspan="3" class="note">No decision has a reason.</td></tr>`}
        ${reasons.map(
          ([reason, count]) => html`<tr>
            <th scope="row">${reason}</th>
            <td class="number"><${Count} count=${count} values=${{ ...times, reason }} isRow=${true} /></td>
            <td class="share"><${Bar} count=${count} of=${funnel.decisions} name="reason" /></td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

function Groups({ by, summary, times }) {
  const shown = OUTCOMES.filter((outcome) => Number(summary.outcomes[outcome]) > 0);
  const columns = [[by, "key"], ["Decisions", "number"], ...shown.map((outcome) => [outcome, "number"])];
  return html`<h2>By ${by}</h2>
    <${Table} caption=${`Funnels by ${by}`} columns=${columns}>
      ${summary.groups.map((group) => {
        const values = { ...times, [GROUP[by]]: group.key ?? "null" };
        return html`<tr key=${group.key}>
          <th scope="row" class=${by === "instance" ? "id" : ""} title=${group.key}>
            <${Text} value=${group.key === null ? "no target market" : by === "instance" ? short(group.key) : group.key} />
          </th>
          <td class="number"><${Count} count=${group.decisions} values=${values} /></td>
          ${shown.map(
            (outcome) => html`<td class="number">
              <${Count} count=${group.outcomes[outcome]} values=${{ ...values, outcome }} />
            </td>`,
          )}
        </tr>`;
      })}
    <//>
    ${summary.groupsLeftOut > 0 && html`<p class="note">${many(summary.groupsLeftOut, "more group")} not shown.</p>`}`;
}
