// Elements from templates, and values that views watch.

import { Component, h, render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import htm from "htm";

export { Component, render, useEffect, useLayoutEffect, useRef, useState };

// A text in a template becomes a text node or an attribute, never markup.
export const html = htm.bind(h);

/** A value that components are drawn again with when it changes. */
export class Watched {
  #watchers = new Set();

  constructor(value) {
    this.value = value;
  }

  set(value) {
    this.value = value;
    for (const watcher of this.#watchers) watcher(value);
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The value, and the component is drawn again when it changes. */
export function useWatched(watched) {
  const [, draw] = useState(0);
  useEffect(() => watched.watch(() => draw((count) => count + 1)), [watched]);
  return watched.value;
}
