// Texts from outside, so that nothing in them is hidden or changes what is around them.

import { html } from "./dom.js";

// Control, direction and other characters that have no shape of their own; combining characters after the third in a row.
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Default_Ignorable_Code_Point}]+|(?<=\p{M}{3})\p{M}+/gu;

// Most texts have none: this test is quicker.
const PLAIN = /^[ -~·…]*$/;

const SHOWN_MAX = 6;

const escape = (character) => {
  const digits = character.codePointAt(0).toString(16).toUpperCase();
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits.padStart(4, "0")}`;
};

/** A text from outside: unseen characters are escaped, of a long row of them the first ones unless `isWhole`. */
export function Text({ value, isWhole = false }) {
  const text = String(value);
  // It cannot change the direction of anything.
  if (PLAIN.test(text)) return text;
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(UNSEEN)) {
    if (found.index > from) parts.push(text.slice(from, found.index));
    const all = [...found[0]];
    const shown = isWhole ? all : all.slice(0, SHOWN_MAX);
    const more = all.length - shown.length;
    parts.push(html`<span class="unseen">${shown.map(escape).join("")}${more > 0 && ` and ${more} more`}</span>`);
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return html`<bdi>${parts}</bdi>`;
}

/** The first characters of a text that is too long for a row. */
export function cut(text, most) {
  const characters = Array.from(text.slice(0, most * 2));
  return text.length <= most ? text : `${characters.slice(0, most).join("")}…`;
}

/** A whole number with its thousands apart; it may be a text of digits. */
export const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** The beginning of an id: enough to tell those of a page apart. */
export const short = (id) => (id ? id.slice(0, 8) : "");

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes in the largest fitting unit. */
export function size(bytes) {
  let [count, unit] = [Number(bytes), 0];
  while (count >= 1024 && unit < UNITS.length - 1) [count, unit] = [count / 1024, unit + 1];
  return `${unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${UNITS[unit]}`;
}

/** One, or several of it. */
export const many = (count, one, several = `${one}s`) => `${number(count)} ${Number(count) === 1 ? one : several}`;
