// A stretch of logical time in the address.

import { go, linkWith, useAddress } from "../address.js";
import { html } from "../dom.js";

/** Two fields: the least and the greatest logical time, both included. */
export function Times() {
  const { query } = useAddress();
  const set = (name) => (event) => {
    const value = event.target.value.replace(/\D/g, "");
    go(linkWith({ [name]: value, at: null }));
  };
  const field = (name) =>
    html`<label>${name} <input class="time" inputmode="numeric" value=${query.get(name) ?? ""} onChange=${set(name)} /></label>`;
  return html`<span class="times">${field("from")} ${field("to")}</span>`;
}
