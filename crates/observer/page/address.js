// The address of a view: `#/view/id?name=value`. It holds all that is needed to open the same view afresh.

import { Watched, useWatched } from "./dom.js";

const read = () => {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, id] = path.split("/").map(decodePart);
  return { view, id, query: new URLSearchParams(query) };
};

// A part that is not well-formed names no view, as it is.
function decodePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const current = new Watched(read());
window.addEventListener("hashchange", () => current.set(read()));

/** The address now. */
export const address = () => current.value;

export const useAddress = () => useWatched(current);

/** The link to a view. Values that are null, undefined or empty are left out; a list gives its name several times. */
export function link(view, values = {}) {
  const query = values instanceof URLSearchParams ? values : new URLSearchParams();
  if (query !== values) {
    for (const [name, value] of Object.entries(values)) {
      for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") query.append(name, one);
    }
  }
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%40", "@");
  return `#/${view}${text ? `?${text}` : ""}`;
}

/** The link to the same view with other values; a value of null is taken out. */
export function linkWith(values) {
  const { view, id, query } = current.value;
  const changed = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) {
    changed.delete(name);
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") changed.append(name, one);
  }
  return link(id ? `${view}/${id}` : view, changed);
}

/** Goes to a link, as a step of the browser's history or in place of this one. */
export function go(target, { isStep = true } = {}) {
  if (target === location.hash) return;
  history[isStep ? "pushState" : "replaceState"](null, "", target);
  current.set(read());
}
