// Parts that several views have.

import { go, link, linkWith, useAddress } from "./address.js";
import { Watched, html, useState } from "./dom.js";
import { filtersOf, typed } from "./filters.js";
import { Text, number, short } from "./text.js";

/** What the status line says to readers of the screen: rarely, and only what matters. */
export const status = new Watched("");

/** How long numbers that change quickly are not said again, in milliseconds. */
const BETWEEN_NUMBERS = 5000;

const said = { at: 0, where: null, timer: null };

const withoutNumbers = (text) => text.replace(/[\d\u202f]+/g, "");

/** Says it in the status line: at once if it is something else, or in another view; otherwise not more often than one can listen. */
export function say(text) {
  clearTimeout(said.timer);
  if (text === status.value) return;
  const isOther = withoutNumbers(text) !== withoutNumbers(status.value) || said.where !== location.hash;
  const wait = isOther ? 0 : Math.max(0, said.at + BETWEEN_NUMBERS - performance.now());
  said.timer = setTimeout(() => {
    Object.assign(said, { at: performance.now(), where: location.hash });
    status.set(text);
  }, wait);
}

/** A problem that the API has answered with, or one of the connection. */
export function Trouble({ problem }) {
  const { title, detail, file, line, offset, rule, parameter } = problem.document;
  const places = Object.entries({ file, line, offset, rule, parameter });
  return html`<section class="trouble" aria-label="Problem">
    <strong>${title}</strong>
    <p><${Text} value=${detail} /></p>
    <dl class="facts">
      ${places
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => html`<div><dt>${name}</dt><dd><${Text} value=${value} /></dd></div>`)}
    </dl>
  </section>`;
}

/** The problem or the waiting of an answer, if there is one. */
export function State({ answer }) {
  if (answer.problem) return html`<${Trouble} problem=${answer.problem} />`;
  if (answer.waiting) return html`<p class="note">${answer.waiting.document.detail}. This page asks again.</p>`;
  return answer.value ? null : html`<p class="note">Reading…</p>`;
}

/** The prefix of the log that an answer is of. */
export function AsOf({ asOf }) {
  const time = asOf.logicalTime === null ? "no event yet" : `logical time ${number(asOf.logicalTime)}`;
  return html`<p class="note">As of ${number(asOf.treeSize)} events, ${time}.</p>`;
}

const MARKS = {
  FILLED: "●",
  PARTIALLY_FILLED: "◐",
  BLOCKED: "■",
  SKIPPED: "○",
  FAILED: "✕",
  INTERRUPTED: "◌",
};

/** What became of a decision. */
export const Outcome = ({ outcome }) =>
  html`<span class="outcome ${outcome.toLowerCase()}"><span aria-hidden="true">${MARKS[outcome]}</span> ${outcome}</span>`;

/** A link to a decision. `data-row`: the keys j and k stop here. */
export const DecisionLink = ({ id, isRow, line }) =>
  html`<a class="id" href=${link(`decision/${id}`, { line })} title=${id} data-row=${isRow ? "" : null}
    aria-label=${`Decision ${id}`}>${short(id)}</a>`;

/** Rows of a table with its headings; each column: [heading, class]. */
export const Table = ({ caption, columns, children, label = caption }) =>
  html`<div class="pane" tabindex="0" role="region" aria-label=${label}>
    <table>
      <caption class="hidden">${caption}</caption>
      <thead>
        <tr>
          ${columns.map(([heading, name]) => html`<th scope="col" class=${name}>${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${children}
      </tbody>
    </table>
  </div>`;

/** The filters of the address as chips, and a field to add one. */
export function Filters({ hint, names }) {
  const { query } = useAddress();
  const [text, setText] = useState("");
  const add = (event) => {
    event.preventDefault();
    if (!text.trim()) return;
    const [name, value] = typed(text);
    go(withFilter(query, name, value));
    setText("");
  };
  const chips = [...filtersOf(query)].flatMap(([name, values]) => values.map((value) => [name, value]));
  return html`<form class="filters" onSubmit=${add} role="search">
    ${chips.map(
      ([name, value]) => html`<span class="chip" key=${`${name}=${value}`}>
        <span>${name}=<${Text} value=${value} /></span>
        <a href=${without(query, name, value)} aria-label=${`Remove the filter ${name}=${value}`}>×</a>
      </span>`,
    )}
    <input id="filter" aria-label="Filter" placeholder=${hint} value=${text} list="filter-names" autocomplete="off"
      spellcheck=${false} onInput=${(event) => setText(event.target.value)} />
    <datalist id="filter-names">${names.map((name) => html`<option value=${name} />`)}</datalist>
  </form>`;
}

/** The link to the same view with a filter more; `text` of the whole field stays as it is. */
export function withFilter(query, name, value) {
  const have = query.getAll(name);
  const isSingle = name === "from" || name === "to";
  const values = isSingle ? [value] : have.includes(value) ? have : [...have, value];
  return linkWith({ [name]: values, at: null, open: null });
}

function without(query, name, value) {
  return linkWith({ [name]: query.getAll(name).filter((one) => one !== value), at: null, open: null });
}

/** Links to the views of one choice; `current` is the one that is shown. */
export const Choice = ({ label, name, options, current }) =>
  html`<nav class="choice" aria-label=${label}>
    <span class="label">${label}</span>
    ${options.map(
      ([value, text]) => html`<a href=${linkWith({ [name]: value })} aria-current=${
        (value ?? null) === (current ?? null) ? "true" : null
      }>${text}</a>`,
    )}
  </nav>`;

/** The link that holds a view as it is, or lets it go on. */
export const Pause = ({ isPaused }) =>
  html`<a class="button" data-pause href=${linkWith({ paused: isPaused ? null : "1" })}>${isPaused ? "Go on" : "Pause"}</a>`;

/** Copies a text, also where the browser gives the page no clipboard: on plain http beyond loopback. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  say("Copied.");
}
