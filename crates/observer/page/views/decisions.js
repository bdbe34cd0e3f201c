// What became of each decision.

import { json } from "../api.js";
import { linkWith, useAddress } from "../address.js";
import { html } from "../dom.js";
import { asked, filtersOf, test } from "../filters.js";
import { useAnswer } from "../live.js";
import { AsOf, Choice, DecisionLink, Filters, Outcome, State, Table, say } from "../parts.js";
import { Text, many, number, short } from "../text.js";

/** The filters that the API knows. */
const KNOWN = new Set(["outcome", "reason", "marketId", "strategyInstanceId", "parameterPoolId", "from", "to"]);

export const OUTCOMES = ["FILLED", "PARTIALLY_FILLED", "BLOCKED", "SKIPPED", "FAILED", "INTERRUPTED"];

const FILTERS = [
  ...OUTCOMES.map((outcome) => `outcome=${outcome}`),
  "side=BUY",
  "side=SELL",
  "reason=",
  "marketId=",
  "strategyInstanceId=",
  "decisionClass=",
  "parameterPoolId=",
  "from=",
  "to=",
];

/** The decisions of a page: to lay out more at once takes too long. And the most requests of one search. */
const ROWS = 50;
const PAGES_MAX = 8;

const COLUMNS = [
  ["Time", "time"],
  ["Decision", "decision"],
  ["Outcome", "outcome"],
  ["Why", "why"],
  ["Order, or target", "order"],
  ["Instance", "instance"],
  ["Class", "class"],
];

/** Where a page of decisions begins, or ends. */
const placeOf = (query) => {
  const at = query.get("at");
  return query.get("order") === "oldest" ? { after: at ?? "0" } : at === null ? {} : { before: at };
};

const requestOf = (query, place) => ["derived/decisions", { ...asked(filtersOf(query), KNOWN), limit: ROWS, ...place }];

/** The request of the first page. */
export const decisionsOf = (query) => requestOf(query, placeOf(query));

export function Decisions() {
  const { query } = useAddress();
  const isOldestFirst = query.get("order") === "oldest";
  const at = query.get("at");
  const isLive = at === null && !isOldestFirst;
  const load = (signal, onWait) => search(query, { signal, onWait });
  const answer = useAnswer(query.toString(), load, { isLive });
  const page = answer.value;
  const rows = page ? (isOldestFirst ? page.rows : page.rows.toReversed()) : [];
  if (page) say(isLive ? `Following: ${many(rows.length, "decision")} shown.` : `${many(rows.length, "decision")}.`);
  return html`
    <div class="bar">
      <h1>Decisions</h1>
      <${Filters} hint="outcome=…, reason=…, marketId=…" names=${FILTERS} />
      <${Choice} label="Order" name="order" current=${query.get("order")} options=${[
        [null, "newest first"],
        ["oldest", "oldest first"],
      ]} />
      ${!isOldestFirst &&
      html`<a class="button" data-pause href=${linkWith({ at: isLive ? (page?.end ?? null) : null })}>
        ${isLive ? "Pause" : "Follow"}
      </a>`}
    </div>
    <${State} answer=${answer} />
    ${page &&
    html`<${DecisionTable} caption="Decisions and what became of each" rows=${rows} />
      <nav class="pages" aria-label="Pages">
        ${rows.length === 0 && html`<span class="note">No decision matches${page.more ? " so far" : ""}.</span>`}
        ${(at !== null || isOldestFirst) && html`<a class="button" href=${linkWith({ at: null })}>${isOldestFirst ? "Oldest" : "Newest"}</a>`}
        ${page.more && html`<a class="button" href=${linkWith({ at: page.more })}>${isOldestFirst ? "Later" : "Earlier"}</a>`}
        <${AsOf} asOf=${page.asOf} />
      </nav>`}
  `;
}

/** A page of decisions: as many requests as it takes to fill it, up to a limit. `more`: the cursor to go on from. */
async function search(query, options) {
  const fits = test(filtersOf(query), KNOWN);
  let place = placeOf(query);
  const isOldestFirst = "after" in place;
  let [rows, end, more, asOf] = [[], query.get("at"), null, null];
  for (let pages = 0; pages < PAGES_MAX && rows.length < ROWS; pages += 1) {
    const page = await json(...requestOf(query, place), options);
    const found = fits ? page.decisions.filter((row) => fits(row, "")) : page.decisions;
    asOf ??= page.asOf;
    end ??= page.next;
    if (isOldestFirst) {
      rows = rows.concat(found);
      const isOver = page.next === place.after;
      more = isOver ? null : page.next;
      place = { after: page.next };
    } else {
      rows = found.concat(rows);
      more = page.previous;
      place = { before: page.previous };
    }
    if (more === null) break;
  }
  // The last page of the log in its own order leads to itself.
  if (isOldestFirst && rows.length < ROWS) more = null;
  return { rows, end, more, asOf };
}

function Row({ row }) {
  const order = row.side ? [row.side, row.quantity, row.marketId].filter(Boolean).join(" ") : "";
  return html`<tr>
    <td class="time">${number(row.logicalTime)}</td>
    <td class="decision"><${DecisionLink} id=${row.decisionId} isRow=${true} /></td>
    <td class="outcome"><${Outcome} outcome=${row.outcome} /></td>
    <td class="why">${row.reason}</td>
    <td class="order ${order ? "" : "zero"}"><${Text} value=${order || (row.targetMarketId ?? "none")} /></td>
    <td class="instance id" title=${row.strategyInstanceId}>${short(row.strategyInstanceId)}</td>
    <td class="class"><${Text} value=${row.decisionClass} /></td>
  </tr>`;
}

/** The table of some decisions. */
export const DecisionTable = ({ rows, caption }) =>
  html`<${Table} caption=${caption} columns=${COLUMNS}>
    ${rows.map((row) => html`<${Row} key=${row.decisionId} row=${row} />`)}
  <//>`;
