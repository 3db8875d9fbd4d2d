/** Pictures and sounds as the server has re-encoded them, fetched as ourselves and kept for a while as blobs. */

import { signal } from "../vendor.js";
import { authorized, CallError } from "../core/calls.js";

/** @template T @typedef {import("../vendor.js").Signal<T>} Signal */

const MOST = 60;

/** Milliseconds after which what failed for now is asked for again, while it is shown. */
const AGAIN_AFTER = 10_000;

/** Faults of the file itself. Each try costs the account a process, and what was made for that up to a minute of it. */
const LASTING = new Set([
  "file-unreadable",
  "no-preview",
  "no-such-file",
  "picture-unreadable",
  "pictures-missing",
  "voice-missing",
  "voice-unreadable",
]);

/** @typedef {{ url: string | null, fault: unknown }} Fetched */

/** @type {Map<string, Signal<Fetched>>} */
const kept = new Map();

/** @param {string} path @returns {Promise<string>} */
async function blobOf(path) {
  const answer = await authorized(path);
  return URL.createObjectURL(await answer.blob());
}

/** @param {string} path */
function forget(path) {
  const url = kept.get(path)?.peek().url;
  if (url) URL.revokeObjectURL(url);
  kept.delete(path);
}

/** @param {unknown} fault */
function isLasting(fault) {
  return fault instanceof CallError && LASTING.has(fault.code);
}

/** @param {string} path @param {Signal<Fetched>} made */
function askAgain(path, made) {
  if (kept.get(path) !== made) return;
  kept.delete(path);
  made.value = { url: null, fault: null }; // whoever shows it asks again
}

/**
 * Return the signal of a path's blob: its `url` is null until it is here, `fault` says why it cannot be.
 *
 * @param {string} path
 * @returns {Signal<Fetched>}
 */
export function fetched(path) {
  const known = kept.get(path);
  if (known) {
    kept.delete(path);
    kept.set(path, known);
    return known;
  }
  const made = signal(/** @type {Fetched} */ ({ url: null, fault: null }));
  kept.set(path, made);
  blobOf(path).then(
    (url) => {
      if (kept.get(path) === made) made.value = { url, fault: null };
      else URL.revokeObjectURL(url);
    },
    (fault) => {
      made.value = { url: null, fault };
      if (!isLasting(fault)) setTimeout(() => askAgain(path, made), AGAIN_AFTER);
    },
  );
  const oldest = kept.keys().next().value;
  if (kept.size > MOST && oldest !== undefined) forget(oldest);
  return made;
}

/**
 * Have a path asked for again that failed for now: a person wants it.
 *
 * @param {string} path
 */
export function tryAgain(path) {
  const fault = kept.get(path)?.peek().fault;
  if (fault && !isLasting(fault)) forget(path);
}

/** Forget all blobs: the account is not shown any more. */
export function wipeOctets() {
  for (const path of [...kept.keys()]) forget(path);
}
