// The frame of all views: navigation, health, keys, help and the token.

import { address, link, useAddress } from "./address.js";
import { askAhead, connection, delay, giveToken } from "./api.js";
import { html, render, useEffect, useRef, useState, useWatched } from "./dom.js";
import { pulse, watchStore } from "./live.js";
import { Trouble, status } from "./parts.js";
import { many, number } from "./text.js";
import { Decision } from "./views/decision.js";
import { Decisions, decisionsOf } from "./views/decisions.js";
import { Funnel } from "./views/funnel.js";
import { Instances } from "./views/instances.js";
import { Ledger } from "./views/ledger.js";
import { Overview, lastDecisions } from "./views/overview.js";
import { Proof } from "./views/proof.js";
import { Tail, linesOf } from "./views/tail.js";

/** The views, and of some the request whose answer has their first rows. */
const VIEWS = {
  "": { name: "Overview", view: Overview, first: lastDecisions },
  tail: { name: "Tail", view: Tail, first: linesOf },
  decisions: { name: "Decisions", view: Decisions, first: decisionsOf },
  funnel: { name: "Funnel", view: Funnel },
  instances: { name: "Instances", view: Instances },
  ledger: { name: "Ledger", view: Ledger },
  proof: { name: "Proof", view: Proof },
  decision: { name: "Decision", view: Decision, isHidden: true },
};

/** The view of a name that an address has, if it is one. */
const viewOf = (name) => (Object.hasOwn(VIEWS, name) ? VIEWS[name] : null);

/** How long the frame of the page waits for the first answer, in milliseconds. */
const FRAME_ALONE = 100;

const KEYS = [
  ["j, k", "the next, the previous row"],
  ["Enter", "open the row"],
  ["/", "filter"],
  ["p", "pause, or go on"],
  ["[, ]", "the previous, the next decision of an instance"],
  ["1 to 7", "the views, from left to right"],
  ["?", "this list"],
  ["Esc", "close, leave a field"],
];

function Page() {
  const { view, id } = useAddress();
  const { wantsToken, isLost } = useWatched(connection);
  const [isHelpShown, showHelp] = useState(false);
  useKeys(showHelp);
  const shown = viewOf(view);
  useEffect(() => {
    document.title = `${shown?.name ?? "Not found"} · Dreichor`;
  }, [shown]);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header>
      <a class="brand" href="#/" aria-label="Dreichor, overview"><${Logo} />Dreichor</a>
      <nav aria-label="Views">
        ${Object.entries(VIEWS)
          .filter(([, { isHidden }]) => !isHidden)
          .map(([name, { name: text }]) => html`<a href=${link(name)} aria-current=${name === view ? "page" : null}>${text}</a>`)}
      </nav>
      <${Health} />
      <button class="button quiet help" aria-label="Keys" onClick=${() => showHelp(true)}>?</button>
    </header>
    <main id="main" tabindex="-1" class=${`view-${view || "overview"}`}>
      ${isLost && html`<${Lost} />`}
      <${Broken} />
      ${shown ? html`<${shown.view} key=${`${view} ${id ?? ""}`} />` : html`<h1>There is no such view</h1><p><a href="#/">Overview</a></p>`}
    </main>
    <${Status} />
    ${wantsToken && html`<${Token} />`}
    ${isHelpShown && html`<${Help} close=${() => showHelp(false)} />`}
  `;
}

const Logo = () =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 6h14M5 12h10M5 18h5" /></svg>`;

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** Is the store sound, and how far does the log go? */
function Health() {
  const { isReady, asOf } = useWatched(pulse);
  const { isLost } = useWatched(connection);
  const [name, text] = isLost
    ? ["lost", "no connection"]
    : isReady === null
      ? ["", "…"]
      : isReady
        ? ["ready", "ready"]
        : ["broken", "not ready"];
  return html`<p class="health ${name}">
    <span class="dot" aria-hidden="true"></span>${text}
    ${asOf && html`<span class="extent">${many(asOf.treeSize, "event")}${asOf.logicalTime !== null && html` · time ${number(asOf.logicalTime)}`}</span>`}
  </p>`;
}

/** What is wrong with a store. Of its own, so that the view is not drawn again with each pulse. */
function Broken() {
  const { problem } = useWatched(pulse);
  return problem?.document.type && html`<${Trouble} problem=${problem} />`;
}

const Status = () => html`<p class="status" role="status" aria-live="polite">${useWatched(status)}</p>`;

function Lost() {
  const { heardAt } = useWatched(connection);
  const at = heardAt === null ? "" : ` The last answer came at ${new Date(heardAt).toLocaleTimeString()} of this browser's clock.`;
  return html`<section class="trouble" aria-label="Connection">
    <strong>The Observer does not answer</strong>
    <p>The page asks again every second.${at}</p>
  </section>`;
}

/** A dialog over the page; Esc closes it. */
function Dialog({ label, onClose, children }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} aria-label=${label} onClose=${onClose}>${children}</dialog>`;
}

function Token() {
  const { isRefused } = useWatched(connection);
  const submit = (event) => {
    event.preventDefault();
    giveToken(event.target.elements.token.value);
  };
  return html`<${Dialog} label="Token">
    <form onSubmit=${submit}>
      <h2>Token</h2>
      <p>This Observer answers only with its token. The page keeps it in memory, until it is closed or loaded again.</p>
      ${isRefused && html`<p class="bad" role="alert">The token was refused.</p>`}
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="off" required autofocus />
      <div class="actions"><button class="button strong">Go on</button></div>
    </form>
  <//>`;
}

const Help = ({ close }) =>
  html`<${Dialog} label="Keys" onClose=${close}>
    <h2>Keys</h2>
    <dl class="keys">${KEYS.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
    <p class="note"><a href="docs">The API</a> that this page shows.</p>
    <div class="actions"><button class="button" onClick=${close}>Close</button></div>
  <//>`;

/** Keys that work wherever no text is typed. */
function useKeys(showHelp) {
  useEffect(() => {
    const onKey = (event) => {
      const { target, key } = event;
      const isTyping = target.matches("input, textarea, select");
      if (isTyping && key === "Escape") target.blur();
      if (isTyping || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
      const act = {
        j: () => step(1),
        k: () => step(-1),
        "/": () => document.getElementById("filter")?.focus(),
        p: () => document.querySelector("[data-pause]")?.click(),
        "[": () => document.querySelector('[data-step="previous"]')?.click(),
        "]": () => document.querySelector('[data-step="next"]')?.click(),
        "?": () => showHelp(true),
      }[key];
      const view = /^[1-7]$/.test(key) ? document.querySelectorAll("header nav a")[Number(key) - 1] : null;
      if (act || view) {
        event.preventDefault();
        act ? act() : view.click();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** Moves the focus to the next row, or the previous one. Without one, it begins where the newest rows are. */
function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")];
  const row = document.activeElement?.closest("tr");
  const at = rows.findIndex((one) => one === document.activeElement || (row && one.closest("tr") === row));
  const start = rows[0]?.closest('[data-from="end"]') ? rows.length - 1 : 0;
  const next = rows[at === -1 ? start : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/**
 * Shows the page. The view's first request is under way while the frame is built. To lay out the frame alone would hold its answer up,
 * so the frame is shown with it, or alone if the answer does not come soon. The pulse of the store is asked for after that.
 */
async function start() {
  const { view, query } = address();
  const request = viewOf(view)?.first?.(query);
  if (request) {
    const answer = askAhead(request);
    document.body.hidden = true;
    render(html`<${Page} />`, document.body);
    await Promise.race([answer, delay(FRAME_ALONE)]);
    document.body.hidden = false;
  } else {
    render(html`<${Page} />`, document.body);
  }
  await delay(0);
  watchStore();
}

start();
