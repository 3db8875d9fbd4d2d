/** What was sent and waits for its files: where the session ends meanwhile, a person is told to look what became of it. */

import { signal } from "../vendor.js";

/** @type {import("../vendor.js").Signal<number>} How many messages nobody knows yet whether they were sent. */
export const underway = signal(0);
