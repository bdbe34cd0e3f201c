// The first look: is it healthy, what is open, what became of the last decisions.

import { json } from "../api.js";
import { link } from "../address.js";
import { html, useWatched } from "../dom.js";
import { pulse, useAnswer } from "../live.js";
import { DecisionLink, State, say } from "../parts.js";
import { Text, many, number, short, size } from "../text.js";
import { DecisionTable } from "./decisions.js";

const ROWS = 15;

/** The request of the last decisions. */
export const lastDecisions = () => ["derived/decisions", { limit: ROWS }];

export function Overview() {
  const last = useAnswer("last", (signal) => json(...lastDecisions(), { signal }));
  const filled = useAnswer("filled", lastFilled);
  const runtime = useAnswer("status", (signal) => json("runtime/status", {}, { signal }), { isLive: false });
  const paths = useAnswer("paths", (signal) => json("persistence/paths", {}, { signal }));
  if (last.value) say(`${many(last.value.asOf.treeSize, "event")}.`);
  return html`
    <h1 class="hidden">Overview</h1>
    <div class="cards">
      <${Health} runtime=${runtime.value} />
      <${Open} answer=${filled} />
      <${Log} asOf=${last.value?.asOf} paths=${paths.value} />
    </div>
    <h2>The last decisions</h2>
    <${State} answer=${last} />
    ${last.value &&
    (last.value.decisions.length === 0
      ? html`<p class="note">No decision is recorded yet. The first one appears here when an upstream sends a tick.</p>`
      : html`<${DecisionTable} caption="The last decisions, newest first" rows=${last.value.decisions.toReversed()} />`)}
    <p class="note"><a href=${link("decisions")}>All decisions</a> · <a href=${link("tail")}>Follow the log</a></p>
  `;
}

/** At most one position is open, and the last filled order has opened or closed it. */
async function lastFilled(signal) {
  let place = {};
  for (;;) {
    const page = await json("derived/decisions", { outcome: "FILLED", limit: 1, ...place }, { signal });
    if (page.decisions.length > 0 || page.previous === null) return page.decisions[0] ?? null;
    place = { before: page.previous };
  }
}

function Health({ runtime }) {
  const { isReady, problem } = useWatched(pulse);
  const state = isReady === null ? "Looking…" : isReady ? "Healthy" : "Not healthy";
  const kernel = runtime && (runtime.sandbox.notEnforced.length === 0 ? "refuses all writes" : `${runtime.sandbox.enforced.length} of ${runtime.sandbox.enforced.length + runtime.sandbox.notEnforced.length} promises enforced`);
  return html`<section class="card ${isReady === false ? "is-bad" : "is-good"}" aria-labelledby="health">
    <h2 id="health">Health</h2>
    <p class="big"><span aria-hidden="true">${isReady === false ? "✕" : "●"}</span> ${state}</p>
    ${problem && html`<p>${problem.document.title}</p>`}
    ${runtime &&
    html`<dl class="facts">
      <div><dt>Runtime</dt><dd>${runtime.runtimeVersion}, ${runtime.executionPlane} plane</dd></div>
      ${runtime.safetyMode && html`<div><dt>Safety mode</dt><dd>${runtime.safetyMode}</dd></div>`}
      <div><dt>Kernel</dt><dd>${kernel}</dd></div>
    </dl>`}
  </section>`;
}

function Open({ answer }) {
  const row = answer.value;
  const isOpen = row?.side === "BUY";
  return html`<section class="card" aria-labelledby="open">
    <h2 id="open">Open position</h2>
    ${row === undefined
      ? html`<${State} answer=${answer} />`
      : row === null
        ? html`<p class="big">Nothing yet</p><p class="note">No order has been filled.</p>`
        : html`<p class="big">${isOpen ? html`${row.quantity} <${Text} value=${row.marketId} />` : "None"}</p>
            <dl class="facts">
              <div><dt>${isOpen ? "Bought" : "Last sold"}</dt><dd>${!isOpen && html`${row.quantity} <${Text} value=${row.marketId} /> `}at logical time ${number(row.logicalTime)}</dd></div>
              <div><dt>By</dt><dd>decision <${DecisionLink} id=${row.decisionId} /></dd></div>
              <div><dt>Instance</dt><dd><a class="id" href=${link("instances", { instance: row.strategyInstanceId })} title=${row.strategyInstanceId}>${short(row.strategyInstanceId)}</a></dd></div>
            </dl>`}
  </section>`;
}

function Log({ asOf, paths }) {
  return html`<section class="card" aria-labelledby="log">
    <h2 id="log">Log</h2>
    <p class="big">${asOf ? many(asOf.treeSize, "event") : "…"}</p>
    <dl class="facts">
      <div><dt>Logical time</dt><dd>${asOf ? (asOf.logicalTime === null ? "none yet" : number(asOf.logicalTime)) : "…"}</dd></div>
      ${paths &&
      html`<div><dt>Size</dt><dd>${size(paths.auditEvents.sizeBytes ?? 0)}</dd></div>
        <div><dt>File</dt><dd class="path"><${Text} value=${paths.auditEvents.path} /></dd></div>`}
    </dl>
  </section>`;
}
