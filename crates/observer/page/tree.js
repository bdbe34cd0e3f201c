// What proofs of the tree over all events show (RFC 6962, RFC 9162 sections 2.1.3.2 and 2.1.4.2): computed here, not believed.

import { hex, sha256, unhex } from "./sha256.js";

const UTF8 = new TextEncoder();
const ID_LENGTH = 36;

function hash(prefix, ...parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 1));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return sha256(bytes);
}

const node = (left, right) => hash(1, left, right);

// Sizes may be greater than 32 bits hold.
const half = (number) => Math.floor(number / 2);
const isOdd = (number) => number % 2 === 1;

/** The leaf of an event: the hash of its line without the member `id`. */
export const leaf = (line) => hash(0, UTF8.encode(`{${line.slice('{"id":"",'.length + ID_LENGTH)}`));

/** The id that the content of a line demands. */
export function contentId(line) {
  const bytes = leaf(line).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The roots of the tree that ends with `start`, and of the one that ends with the leaf `last`. */
function climb(index, last, start, path) {
  let [older, newer] = [start, start];
  for (const sibling of path.map(unhex)) {
    if (last === 0) throw new Error("the path is too long");
    if (isOdd(index) || index === last) {
      [older, newer] = [node(sibling, older), node(sibling, newer)];
      while (index > 0 && !isOdd(index)) [index, last] = [half(index), half(last)];
    } else {
      newer = node(newer, sibling);
    }
    [index, last] = [half(index), half(last)];
  }
  if (last !== 0) throw new Error("the path is too short");
  return [hex(older), hex(newer)];
}

/** Throws unless the path shows that the tree of `later` begins with the tree of `earlier`. Both: {treeSize, rootHash}. */
export function checkConsistency(earlier, later, path) {
  const [first, second] = [earlier.treeSize, later.treeSize];
  if (first > second) throw new Error(`the log has ${second} events now, fewer than the ${first} of the kept head`);
  if (first === second) {
    if (earlier.rootHash !== later.rootHash) throw new Error("as many events, and another root");
    return;
  }
  if (first === 0) return;
  // The last whole subtree of the earlier tree. If it is the only one, it is that tree, and not in the path.
  let [index, last] = [first - 1, second - 1];
  while (isOdd(index)) [index, last] = [half(index), half(last)];
  const steps = index === 0 ? [earlier.rootHash, ...path] : path;
  if (steps.length === 0) throw new Error("the path is empty");
  const [older, newer] = climb(index, last, unhex(steps[0]), steps.slice(1));
  if (older !== earlier.rootHash) throw new Error("its first events are not those of the kept head");
  if (newer !== later.rootHash) throw new Error("the path does not lead to the present root");
}

/** Throws unless the path shows that this leaf is in the tree of `head`. */
export function checkInclusion(leafHash, leafIndex, head, path) {
  const [, root] = climb(leafIndex, head.treeSize - 1, leafHash, path);
  if (root !== head.rootHash) throw new Error("the path does not lead from the line to the root");
}
