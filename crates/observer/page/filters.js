// Filters in an address: `name=value`, any of the values of a name, and all of the names. Those that the API knows are asked
// of it; the others are compared here.

import { fields } from "./event.js";

/** Names that are no filter. */
const OTHERS = new Set(["at", "open", "order", "paused", "show", "by", "line", "after", "before", "instance"]);

/** The filters of an address. */
export function filtersOf(query) {
  const filters = new Map();
  for (const [name, value] of query) {
    if (OTHERS.has(name)) continue;
    filters.set(name, [...(filters.get(name) ?? []), value]);
  }
  return filters;
}

/** Those that the API knows, as parameters. */
export const asked = (filters, known) => Object.fromEntries([...filters].filter(([name]) => known.has(name)));

/** A test of what only this page can filter; null if there is none. */
export function test(filters, known) {
  const own = [...filters].filter(([name]) => !known.has(name));
  if (own.length === 0) return null;
  return (value, text) => {
    const found = fields(value);
    return own.every(([name, values]) =>
      name === "text"
        ? values.some((one) => text.includes(one))
        : found.some(([path, one]) => path === name && values.includes(String(one))),
    );
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What was typed, as a filter: `name=value`, an id of a decision, or a text that a line must have. */
export function typed(text) {
  const given = text.trim();
  const pair = /^([A-Za-z]+(?:\.[A-Za-z]+)*)=(.+)$/s.exec(given);
  if (pair) return [pair[1], pair[2]];
  return UUID.test(given) ? ["decisionId", given] : ["text", given];
}
