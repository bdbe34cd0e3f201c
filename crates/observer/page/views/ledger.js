// The Shadow Ledger: the position of each market.

import { json } from "../api.js";
import { link, linkWith, useAddress } from "../address.js";
import { html } from "../dom.js";
import { useAnswer } from "../live.js";
import { AsOf, Choice, Pause, State, Table, say } from "../parts.js";
import { Text, many, number, short } from "../text.js";

const COLUMNS = [
  ["Market", "market"],
  ["Quantity", "number"],
  ["Position", "state"],
  ["Last execution", "execution"],
];

const LIMIT = 200;

export function Ledger() {
  const { query } = useAddress();
  const isPaused = query.has("paused");
  const values = { limit: LIMIT, after: query.get("after"), before: query.get("before") };
  const load = (signal, onWait) => json("derived/shadow-ledger", values, { signal, onWait });
  const answer = useAnswer(JSON.stringify(values), load, { every: 2000, isLive: !isPaused });
  const snapshot = useAnswer("snapshot", (signal) => json("persistence/snapshots/latest", {}, { signal }), { isLive: false });
  const ledger = answer.value;
  const isOpenFirst = query.get("order") === "open";
  const positions = ledger && sorted(ledger.positions, isOpenFirst);
  if (ledger) say(`${many(positions.length, "market")}, ${positions.filter((position) => position.isOpen).length} open.`);
  return html`
    <div class="bar">
      <h1>Ledger</h1>
      <${Choice} label="Order" name="order" current=${query.get("order")} options=${[
        [null, "by market"],
        ["open", "open first"],
      ]} />
      <${Pause} isPaused=${isPaused} />
    </div>
    <${State} answer=${answer} />
    ${ledger &&
    html`<${Table} caption="Positions by market" columns=${COLUMNS}>
        ${positions.length === 0 && html`<tr><td colspan="4" class="note">No market was ever traded.</td></tr>`}
        ${positions.map((position) => html`<${Position} key=${position.marketId} position=${position} />`)}
      <//>
      <nav class="pages" aria-label="Pages">
        ${ledger.previous && html`<a class="button" href=${linkWith({ before: ledger.previous, after: null })}>Previous markets</a>`}
        ${ledger.next && html`<a class="button" href=${linkWith({ after: ledger.next, before: null })}>Next markets</a>`}
        <${AsOf} asOf=${ledger.asOf} />
      </nav>`}
    ${snapshot.value && html`<${Snapshot} snapshot=${snapshot.value.snapshot} />`}
  `;
}

const sorted = (positions, isOpenFirst) =>
  isOpenFirst ? positions.toSorted((one, other) => Number(other.isOpen) - Number(one.isOpen)) : positions;

function Position({ position }) {
  const { marketId, quantity, isOpen, lastExecutionId } = position;
  return html`<tr class=${isOpen ? "is-open" : ""}>
    <td class="market"><a href=${link("decisions", { marketId, outcome: "FILLED" })} data-row><${Text} value=${marketId} /></a></td>
    <td class="number"><${Text} value=${quantity} /></td>
    <td class="state">${isOpen ? html`<strong>● open</strong>` : html`<span class="zero">○ closed</span>`}</td>
    <td class="id"><a href=${link("tail", { executionId: lastExecutionId, marketId })} title=${lastExecutionId}>${short(lastExecutionId)}</a></td>
  </tr>`;
}

function Snapshot({ snapshot }) {
  return html`<section aria-labelledby="snapshot">
    <h2 id="snapshot">Latest snapshot</h2>
    ${snapshot === null
      ? html`<p class="note">There is none: the ledger follows from the events alone.</p>`
      : html`<dl class="facts">
          <div><dt>Id</dt><dd class="id">${snapshot.snapshotId}</dd></div>
          <div><dt>Of</dt><dd>the first ${number(snapshot.auditTreeSize)} events, logical time ${number(snapshot.logicalTime)}</dd></div>
          <div><dt>Root</dt><dd class="id hash">${snapshot.auditRootHash}</dd></div>
        </dl>`}
  </section>`;
}
