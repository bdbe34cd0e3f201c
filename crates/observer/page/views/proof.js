// The tree head, and proofs that are checked in this browser.

import { json } from "../api.js";
import { go, linkWith, useAddress } from "../address.js";
import { html, useState } from "../dom.js";
import { useAnswer } from "../live.js";
import { Pause, State, Table, Trouble, copy, say } from "../parts.js";
import { checkConsistency, checkInclusion, leaf } from "../tree.js";
import { hex } from "../sha256.js";
import { many, number } from "../text.js";
import { Bytes } from "./tail.js";

const STORED = "dreichor-kept-heads";
const KEPT_MAX = 50;

/** A tree head, if it is one: {treeSize, rootHash}. */
function headOf(value) {
  const { treeSize, rootHash } = value ?? {};
  return Number.isSafeInteger(treeSize) && treeSize >= 0 && /^[0-9a-f]{64}$/.test(rootHash) ? { treeSize, rootHash } : null;
}

/** The heads that this browser keeps, the largest first. */
function readKept() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(kept) ? kept.map(headOf).filter(Boolean) : [];
  } catch {
    return [];
  }
}

const isSame = (one, other) => one.treeSize === other.treeSize && one.rootHash === other.rootHash;

export function Proof() {
  const { query } = useAddress();
  const isPaused = query.has("paused");
  const [kept, setKept] = useState(readKept);
  const key = kept.map((head) => `${head.treeSize}:${head.rootHash}`).join();
  const answer = useAnswer(`heads ${key}`, (signal, onWait) => compare(kept, { signal, onWait }), { every: 3000, isLive: !isPaused });
  const keep = (heads) => {
    const sorted = heads.toSorted((one, other) => other.treeSize - one.treeSize).slice(0, KEPT_MAX);
    try {
      localStorage.setItem(STORED, JSON.stringify(sorted));
    } catch {
      say("This browser keeps the head only until the page is closed.");
    }
    setKept(sorted);
  };
  const head = answer.value?.head;
  const add = (one) => !kept.some((other) => isSame(one, other)) && keep([...kept, one]);
  const changed = answer.value?.verdicts.filter((verdict) => verdict.problem).length ?? 0;
  if (answer.value) say(changed > 0 ? `The history was changed: ${many(changed, "kept head")} not in it.` : kept.length === 0 ? "No kept head." : `${many(kept.length, "kept head")}, all in the present log.`);
  return html`
    <div class="bar"><h1>Proof</h1><${Pause} isPaused=${isPaused} /></div>
    <${State} answer=${answer} />
    ${changed > 0 && html`<section class="trouble" aria-label="Changed history"><strong>The history was changed</strong><p>The log no longer begins with what this browser has kept. Stop what writes it, and keep the files.</p></section>`}
    <div class="columns">
      <section class="card" aria-labelledby="head">
        <h2 id="head">Present tree head</h2>
        ${head
          ? html`<p class="big">${many(head.treeSize, "event")}</p>
              <p class="id hash">${head.rootHash}</p>
              <div class="actions">
                <button class="button strong" onClick=${() => add(head)}>Keep this head</button>
                <button class="button" onClick=${() => copy(JSON.stringify(head))}>Copy</button>
              </div>`
          : html`<p class="note">…</p>`}
        <p class="note">The root of a Merkle tree over all lines (RFC 6962). If you keep it, you can find any later change to these lines.</p>
      </section>
      <${Foreign} add=${add} />
    </div>
    <h2>Kept heads</h2>
    <${Kept} kept=${kept} verdicts=${answer.value?.verdicts ?? []} remove=${(one) => keep(kept.filter((other) => !isSame(one, other)))} />
    <h2>A line</h2>
    <${Inclusion} id=${query.get("line")} />
  `;
}

/** The present head, and of each kept one whether the log begins with it, as computed here. */
async function compare(kept, options) {
  const head = headOf(await json("persistence/tree-head", {}, options));
  const verdicts = [];
  for (const one of kept) {
    try {
      const isAsked = one.treeSize > 0 && one.treeSize < head.treeSize;
      const range = { from: one.treeSize, to: head.treeSize };
      const { path } = isAsked ? await json("persistence/proof/consistency", range, options) : { path: [] };
      checkConsistency(one, head, path);
      verdicts.push({ of: one, path });
    } catch (error) {
      if (error.document || options.signal.aborted) throw error;
      verdicts.push({ of: one, problem: error.message });
    }
  }
  return { head, verdicts };
}

const COLUMNS = [
  ["Events", "number"],
  ["Root", "root"],
  ["Checked in this browser", "verdict"],
  ["Remove", "remove"],
];

function Kept({ kept, verdicts, remove }) {
  if (kept.length === 0) return html`<p class="note">None yet. This browser keeps a head until you remove it, and compares it with each later one.</p>`;
  const verdict = (head) => verdicts.find(({ of }) => isSame(of, head));
  return html`<${Table} caption="Kept heads and their verdicts" columns=${COLUMNS}>
    ${kept.map((head) => {
      const found = verdict(head);
      return html`<tr key=${`${head.treeSize}:${head.rootHash}`}>
        <td class="number">${number(head.treeSize)}</td>
        <td class="id" title=${head.rootHash}>${head.rootHash.slice(0, 16)}…</td>
        <td class="verdict">
          ${!found
            ? "…"
            : found.problem
              ? html`<span class="bad">✕ changed: ${found.problem}</span>`
              : html`<span class="good">✓ the log begins with it${found.path.length > 0 ? `, by ${many(found.path.length, "hash", "hashes")}` : ""}</span>`}
        </td>
        <td class="remove"><button class="button quiet" data-row onClick=${() => remove(head)} aria-label=${`Remove the head of ${head.treeSize} events`}>Remove</button></td>
      </tr>`;
    })}
  <//>`;
}

/** A head from elsewhere: a receipt, a checkpoint, another browser. */
function Foreign({ add }) {
  const [problem, setProblem] = useState("");
  const submit = (event) => {
    event.preventDefault();
    const text = event.target.elements.head.value;
    const treeSize = Number(/\b(?:treeSize"?[:=]\s*)?(\d{1,15})\b/.exec(text)?.[1] ?? Number.NaN);
    const rootHash = /\b[0-9a-f]{64}\b/.exec(text)?.[0];
    const head = headOf({ treeSize, rootHash });
    setProblem(head ? "" : "A number of events and 64 hexadecimal digits are needed.");
    if (head) {
      add(head);
      event.target.reset();
    }
  };
  return html`<section class="card" aria-labelledby="foreign">
    <h2 id="foreign">A head from elsewhere</h2>
    <form onSubmit=${submit}>
      <label for="foreign-head">The number of events, and the root in hexadecimal digits, as a receipt has them:</label>
      <textarea id="foreign-head" name="head" rows="3" spellcheck=${false} autocomplete="off"></textarea>
      <div class="actions"><button class="button">Keep and compare</button></div>
      ${problem && html`<p class="bad" role="alert">${problem}</p>`}
    </form>
  </section>`;
}

/** Shows that one line is in the log of the present head. */
function Inclusion({ id }) {
  const submit = (event) => {
    event.preventDefault();
    go(linkWith({ line: event.target.elements.line.value.trim() }));
  };
  return html`<form class="inclusion" onSubmit=${submit}>
      <label for="line">The id of an event</label>
      <input id="line" name="line" class="id" value=${id ?? ""} spellcheck=${false} autocomplete="off" />
      <button class="button">Prove</button>
    </form>
    ${id && html`<${Proven} key=${id} id=${id} />`}`;
}

function Proven({ id }) {
  const answer = useAnswer(id, (signal, onWait) => prove(id, { signal, onWait }), { isLive: false });
  if (answer.problem) return html`<${Trouble} problem=${answer.problem} />`;
  if (!answer.value) return html`<${State} answer=${answer} />`;
  const { line, lineNumber, head, steps, problem } = answer.value;
  return html`<${Bytes} line=${line} />
    <p class="note ${problem ? "bad" : "good"}">
      ${problem
        ? `✕ ${problem}`
        : `✓ It is line ${number(lineNumber)} of the ${number(head.treeSize)} events of this root, by ${many(steps, "hash", "hashes")}, computed in this browser.`}
    </p>
    <p class="id hash">${head.rootHash}</p>
    <p class="note">Its leaf: <span class="id hash">${hex(leaf(line))}</span></p>`;
}

async function prove(id, options) {
  const { event, lineNumber } = await json(`persistence/audit-events/${encodeURIComponent(id)}`, {}, options);
  const head = headOf(await json("persistence/tree-head", {}, options));
  const proof = await json("persistence/proof/inclusion", { eventId: id, treeSize: head.treeSize }, options);
  const line = JSON.stringify(event);
  let problem = null;
  try {
    checkInclusion(leaf(line), proof.leafIndex, head, proof.path);
  } catch (error) {
    problem = error.message;
  }
  return { line, lineNumber, head, steps: proof.path.length, problem };
}
