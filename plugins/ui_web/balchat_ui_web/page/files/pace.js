/** How fast a transfer is, and how long it still takes: over the last seconds, since one moment says nothing. */

import { useRef } from "../vendor.js";

const WINDOW = 8_000;
const LEAST = 1_500;

/**
 * Return the octets a second over some samples, null where they say too little.
 *
 * @param {{ at: number, octets: number }[]} samples oldest first
 */
export function paceOf(samples) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < LEAST || last.octets <= first.octets) return null;
  return ((last.octets - first.octets) * 1000) / (last.at - first.at);
}

/**
 * Return the pace of a transfer that has come so far now, null as long as it is not known or stands.
 *
 * @param {number} octets
 * @param {boolean} moves
 * @returns {number | null}
 */
export function usePace(octets, moves) {
  const samples = useRef(/** @type {{ at: number, octets: number }[]} */ ([]));
  const now = performance.now();
  if (!moves) samples.current = [];
  else if (samples.current.at(-1)?.octets !== octets) samples.current = [...samples.current, { at: now, octets }].filter((each) => now - each.at < WINDOW);
  return paceOf(samples.current);
}
