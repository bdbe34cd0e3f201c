// Requests to the API: the token, the connection, problems, and numbers with all their digits.

import { Watched } from "./dom.js";

const BASE = new URL("./", document.baseURI);
const OBSERVE = new URL("v1/observe/", BASE);

/** A problem that the API answers with (RFC 9457). */
export class Problem extends Error {
  constructor(document) {
    super(document.detail);
    this.document = document;
  }
}

/** The state of the connection: `isLost`, since when (of this browser's clock), and whether a token is wanted. */
export const connection = new Watched({ isLost: false, heardAt: null, wantsToken: false, isRefused: false });

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Kept in memory only: a page that is loaded again asks again.
let token = null;
let tokenGiven = Promise.withResolvers?.() ?? withResolvers();

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Uses this token from now on. */
export function giveToken(text) {
  token = text.trim();
  connection.set({ ...connection.value, wantsToken: false });
  tokenGiven.resolve();
  tokenGiven = withResolvers();
}

/** Waits; ends early, with an error, when the signal aborts. */
export function delay(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

const heard = (change = {}) => {
  const before = connection.value;
  connection.value = { ...before, heardAt: Date.now() };
  if (before.isLost || change.wantsToken) connection.set({ ...connection.value, isLost: false, ...change });
};

/** The problem of a request that got no answer, unless it was stopped. */
function lost(error, signal) {
  if (signal?.aborted) return error;
  if (!connection.value.isLost) connection.set({ ...connection.value, isLost: true });
  return new Problem({ title: "The Observer does not answer", detail: "the page asks again every second" });
}

/** What an answer is made for: its content type, and whether the browser keeps it, to hear only that it is unchanged. */
const VALUE = { accept: "application/json", cache: "no-cache" };
export const LINES = { accept: "application/x-ndjson", cache: "no-store" };

function urlOf(path, values) {
  const url = new URL(path, OBSERVE);
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined) url.searchParams.append(name, one);
  }
  return url.href;
}

/** One answer: the response, and its body in bytes. */
async function send(url, { accept, cache }, signal) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(url, { headers, signal, cache });
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** Answers that were asked for before the view that needs them was there, by their addresses. Each is taken once. */
const ahead = new Map();

/** Asks before a view does, which then takes the answer. It returns when the request has ended, however it ends. */
export async function askAhead([path, values, form = VALUE]) {
  const url = urlOf(path, values);
  const answer = send(url, form);
  ahead.set(url, answer);
  // The view that takes it shows what is wrong.
  await answer.catch(() => {});
}

/**
 * The answer of a path under /v1/observe. Waits for a token where one is wanted, and asks again where the API says so;
 * `onWait` gets the problem that it waits for.
 */
async function ask(path, values, form, { signal, onWait }) {
  const url = urlOf(path, values);
  for (;;) {
    let answer;
    const sent = token;
    try {
      const asked = ahead.get(url) ?? send(url, form, signal);
      ahead.delete(url);
      answer = await asked;
      signal?.throwIfAborted();
    } catch (error) {
      throw lost(error, signal);
    }
    const { response } = answer;
    if (response.ok) {
      heard();
      return answer;
    }
    if (response.status === 401) {
      // Another request may have been given the token meanwhile.
      if (sent === token) {
        const given = tokenGiven.promise;
        heard({ wantsToken: true, isRefused: sent !== null });
        await given;
      }
      continue;
    }
    heard();
    const problem = new Problem(problemOf(answer));
    const after = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !after || problem.document.type.endsWith(":not-ready")) throw problem;
    onWait?.(problem);
    await delay(after * 1000, signal);
  }
}

function problemOf({ response, bytes }) {
  try {
    return parse(UTF8.decode(bytes));
  } catch {
    return { title: "An answer without a problem document", detail: `status ${response.status}`, type: "" };
  }
}

/** An answer as a value. */
export async function json(path, values = {}, options = {}) {
  const { bytes } = await ask(path, values, VALUE, options);
  return parse(UTF8.decode(bytes));
}

/** JSON as a value. Integers that a number of JavaScript cannot hold are texts of their digits. */
export function parse(text) {
  if (!/[:,[]-?\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (token) =>
      token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
    ),
  );
}

/**
 * A page of lines, exactly as they are in the log, with its cursors. `ends` are where the lines end within the page, in
 * bytes. `keep`: only so many of the last lines are wanted as texts.
 */
export async function lines(values, { keep = Infinity, ...options } = {}) {
  const { response, bytes } = await ask("persistence/audit-events", values, LINES, options);
  const links = response.headers.get("Link") ?? "";
  let ends = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at + 1);
  const count = ends.length;
  const from = count > keep ? ends[count - keep - 1] : 0;
  ends = ends.slice(Math.max(0, count - keep));
  const texts = UTF8.decode(bytes.subarray(from)).split("\n");
  texts.pop();
  return {
    count,
    texts,
    ends,
    bytes: bytes.length,
    next: /[?&]after=(\d+)>; rel="next"/.exec(links)?.[1] ?? null,
    previous: /[?&]before=(\d+)>; rel="prev"/.exec(links)?.[1] ?? null,
  };
}

/** True if the probe says that the stores are sound. */
export async function isReady(signal) {
  try {
    const response = await fetch(new URL("readyz", BASE), { signal, cache: "no-store" });
    heard();
    return response.ok;
  } catch (error) {
    throw lost(error, signal);
  }
}
