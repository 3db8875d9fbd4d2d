/**
 * What was sent and waits for its files. Where the session ends meanwhile, a person is told to look what became of it;
 * where the page is loaded again, that page looks (chat/interrupted.js). The tab keeps ids only.
 */

import { effect, signal } from "../vendor.js";

const KEPT_AS = "underway";

/** @typedef {{conversation: string, files: string[]}} Underway a message whose files, by their ids, were not all written */

/** @type {Underway[]} What waited when the page that was here before ended. */
export const interrupted = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "[]");
/** @type {import("../vendor.js").Signal<Underway[]>} Of which messages nobody knows yet whether they were sent. */
export const underway = signal([]);

effect(() => {
  if (underway.value.length > 0) sessionStorage.setItem(KEPT_AS, JSON.stringify(underway.value));
  else sessionStorage.removeItem(KEPT_AS);
});
