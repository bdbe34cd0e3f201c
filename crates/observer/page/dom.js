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

/**
 * Keys for rows with these ids. A row keeps its key while it is there. A new one takes the key of one that is gone, and with it
 * its elements: to change their texts costs less than to make others.
 */
export function useRowKeys(ids) {
  const { current } = useRef({ keys: new Map(), count: 0 });
  const present = new Set(ids);
  const free = [...current.keys].filter(([id]) => !present.has(id)).map(([, key]) => key);
  current.keys = new Map(ids.map((id) => [id, current.keys.get(id) ?? free.shift() ?? current.count++]));
  return current.keys;
}

/** The value, and the component is drawn again when it changes. */
export function useWatched(watched) {
  const [, draw] = useState(0);
  useEffect(() => watched.watch(() => draw((count) => count + 1)), [watched]);
  return watched.value;
}
