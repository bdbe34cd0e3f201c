// Answers that are asked for again while their view is shown, and the pulse of the store.

import { Problem, delay, isReady, json } from "./api.js";
import { Watched, useLayoutEffect, useState } from "./dom.js";
import { isVisible } from "./feed.js";

/** How much longer than an answer took to wait before the next request, so that the page never keeps a store busy. */
const REST = 10;

/**
 * What `load(signal, onWait)` gives, again every so many milliseconds: {value, problem, waiting}. It is loaded afresh when
 * `key` changes; `isLive` false: once.
 */
export function useAnswer(key, load, { every = 1000, isLive = true } = {}) {
  const [state, set] = useState({ key: null });
  // Not after the browser has shown what there is without the answer.
  useLayoutEffect(() => {
    const stop = new AbortController();
    const put = (change) => set((old) => ({ ...(old.key === key ? old : {}), key, ...change }));
    const run = async () => {
      for (;;) {
        const began = performance.now();
        try {
          const value = await load(stop.signal, (problem) => put({ waiting: problem }));
          put({ value, problem: null, waiting: null });
        } catch (error) {
          if (stop.signal.aborted) return;
          if (!(error instanceof Problem)) throw error;
          put({ problem: error, waiting: null });
        }
        if (!isLive) return;
        await delay(Math.max(every, REST * (performance.now() - began)), stop.signal);
        await isVisible(stop.signal);
      }
    };
    run().catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
    return () => stop.abort();
  }, [key, isLive]);
  return state.key === key ? state : {};
}

/** The store: whether the probe says that it is sound, the problem if not, and how far the log goes. */
export const pulse = new Watched({ isReady: null, problem: null, asOf: null });

/** Watches the store for ever. */
export async function watchStore() {
  for (;;) {
    const next = { ...pulse.value };
    try {
      next.isReady = await isReady();
      // A probe says yes or no only. This path reads all of the log, and says where the fault is.
      if (!next.isReady) await json("persistence/tree-head");
      next.asOf = (await json("derived/decisions", { limit: 1 })).asOf;
      next.problem = null;
    } catch (error) {
      next.problem = error instanceof Problem ? error : null;
    }
    if (JSON.stringify([next, next.problem?.document]) !== JSON.stringify([pulse.value, pulse.value.problem?.document])) {
      pulse.set(next);
    }
    await delay(1000);
    await isVisible();
  }
}
