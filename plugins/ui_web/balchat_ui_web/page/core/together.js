/**
 * Changes of the store are made together: the first one at once, those of a storm four times a second, which is more
 * than anybody reads, and between two keys while somebody types.
 */

import { batch } from "../vendor.js";
import { betweenKeys } from "./between-keys.js";

/** Milliseconds in which changes are gathered after some were made. */
const PAUSE = 50;
const PAUSE_OF_STORM = 250;
/** How many at once are a storm. */
const STORM = 5;

/** @typedef {{change: () => void, after: () => void}} Waiting */

/** @type {Waiting[]} */
let waiting = [];
/** From when on changes may be made again, by the page's clock. */
let from = 0;

/**
 * Make a change soon, in its turn, with what else there is to draw.
 * @param {() => void} change
 * @param {() => void} [after] what is done once the store has all of them
 */
export function together(change, after = () => undefined) {
  waiting.push({ change, after });
  if (waiting.length === 1) betweenKeys(makeAll, from);
}

/** Make none of the changes that wait. */
export function forgetWaiting() {
  waiting = [];
}

function makeAll() {
  const all = waiting;
  waiting = [];
  from = performance.now() + (all.length < STORM ? PAUSE : PAUSE_OF_STORM);
  batch(() => {
    for (const each of all) each.change();
  });
  for (const each of all) each.after();
}
