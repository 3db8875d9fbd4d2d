/**
 * What was dropped, pasted or chosen, and is not sent yet: one list for each conversation.
 *
 * A file is written into the account while the person still writes, so that sending is quick, and so that they see what
 * is removed from it before it goes. What is taken away here is removed from the account, too.
 *
 * What is sent while it is still written is *leaving*: the server sends it when all of it is there, and a locked screen
 * does not stop it. It stays in the list until then.
 */

import { signal } from "../vendor.js";
import { call } from "../core/calls.js";
import { errorText } from "../core/texts.js";
import { write } from "./upload.js";

/** @template T @typedef {import("../vendor.js").Signal<T>} Signal */

/**
 * @typedef {{ key: number, name: string, size: number, octets: Blob, asIs: boolean, rate: number | null,
 *   state: "writing" | "ready" | "failed", written: number, view: App.FileView | null, fault: string | null,
 *   stop: AbortController, leaving: boolean, begun: Promise<void>, done: Promise<boolean> }} Staged `rate`: that of a voice
 *   note's samples; `begun` ends when the account knows of it, `done` with whether all of it is written
 */

/** @type {Map<string, Signal<Staged[]>>} */
const lists = new Map();
let keys = 0;

/**
 * Return the signal of what is staged in a conversation.
 *
 * @param {string} conversation
 * @returns {Signal<Staged[]>}
 */
export function staged(conversation) {
  let list = lists.get(conversation);
  if (!list) {
    list = signal(/** @type {Staged[]} */ ([]));
    lists.set(conversation, list);
  }
  return list;
}

/**
 * Wait until the account knows of everything, and let it leave. Return it, null where not all of it can be sent: nothing
 * is sent without what the person believes to send.
 *
 * @param {string} conversation
 * @returns {Promise<Staged[] | null>}
 */
export async function leave(conversation) {
  const list = staged(conversation);
  const here = () => list.peek().filter((each) => !each.leaving);
  while (here().some((each) => each.state === "writing" && each.view === null)) await Promise.all(here().map((each) => each.begun));
  // Where everything was forgotten meanwhile, so was what should be sent.
  if (lists.get(conversation) !== list || here().some((each) => each.state === "failed")) return null;
  const keys = here().map((each) => each.key);
  for (const key of keys) change(list, key, { leaving: true });
  return list.peek().filter((each) => keys.includes(each.key));
}

/**
 * Return the ids of files that leave.
 *
 * @param {Staged[]} files
 */
export function idsOf(files) {
  return files.flatMap((each) => (each.view ? [each.view.id] : []));
}

/**
 * Stage what has left no more.
 *
 * @param {string} conversation
 * @param {Staged[]} files
 */
export function haveLeft(conversation, files) {
  const list = staged(conversation);
  list.value = list.peek().filter((each) => !files.some((one) => one.key === each.key));
}

/**
 * Stage as before what could not be sent.
 *
 * @param {string} conversation
 * @param {Staged[]} files
 */
export function stay(conversation, files) {
  for (const { key } of files) change(staged(conversation), key, { leaving: false });
}

/** Forget everything: the account is not shown any more. What leaves goes on. */
export function wipeStaged() {
  for (const list of lists.values()) {
    for (const each of list.peek()) if (!each.leaving) each.stop.abort();
    list.value = [];
  }
  lists.clear();
}

/**
 * @param {Signal<Staged[]>} list
 * @param {number} key
 * @param {Partial<Staged>} changes
 */
function change(list, key, changes) {
  list.value = list.value.map((each) => (each.key === key ? { ...each, ...changes } : each));
}

/**
 * Have the account begin a file. Return it, null where that failed.
 *
 * @param {Signal<Staged[]>} list
 * @param {Staged} item
 */
async function attach(list, item) {
  const { key, name, octets, asIs, rate } = item;
  try {
    const view = await (rate === null
      ? call("files.attach", { name, size: octets.size, content_type: octets.type || null, as_is: asIs })
      : call("files.attach_voice", { size: octets.size, rate }));
    change(list, key, { view });
    return view;
  } catch (error) {
    if (!item.stop.signal.aborted) change(list, key, { state: "failed", fault: errorText(error) });
    return null;
  }
}

/**
 * Write a file that was begun. Return whether all of it is written.
 *
 * @param {Signal<Staged[]>} list
 * @param {Staged} item
 * @param {Promise<App.FileView | null>} begun
 */
async function bring(list, item, begun) {
  const { key, octets, stop } = item;
  const file = await begun;
  if (file === null) return false;
  try {
    await write(file, octets, (written) => change(list, key, { written }), stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return false;
    const leaving = list.peek().some((each) => each.key === key && each.leaving);
    change(list, key, { state: "failed", fault: errorText(error) });
    // Whoever waits for it to be written is told so.
    if (leaving) call("files.remove", { file: file.id }).catch(() => {});
    return false;
  }
  // While the screen is locked nobody can be asked, and nobody looks.
  await call("files.get", { file: file.id }).then(
    (view) => change(list, key, { view, state: "ready" }),
    (error) => change(list, key, { state: "failed", fault: errorText(error) }),
  );
  return true;
}

/**
 * @param {string} conversation
 * @param {{ name: string, octets: Blob, asIs?: boolean, rate?: number | null, at?: number }} file
 */
function begin(conversation, { name, octets, asIs = false, rate = null, at }) {
  const list = staged(conversation);
  keys += 1;
  /** @type {Staged} */
  const item = {
    key: keys, name, size: octets.size, octets, asIs, rate, state: "writing", written: 0, view: null, fault: null,
    stop: new AbortController(), leaving: false, begun: Promise.resolve(), done: Promise.resolve(false),
  };
  const place = at ?? list.value.length;
  list.value = [...list.value.slice(0, place), item, ...list.value.slice(place)];
  const begun = attach(list, item);
  change(list, item.key, { begun: begun.then(() => {}), done: bring(list, item, begun) });
}

/**
 * Stage files of this machine.
 *
 * @param {string} conversation
 * @param {Iterable<File>} files
 */
export function stage(conversation, files) {
  for (const file of files) begin(conversation, { name: file.name, octets: file });
}

/**
 * Stage a voice note: samples of 16 bits, one channel.
 *
 * @param {string} conversation
 * @param {Blob} samples
 * @param {number} rate
 */
export function stageVoice(conversation, samples, rate) {
  begin(conversation, { name: "", octets: samples, rate });
}

/**
 * Take a file away again.
 *
 * @param {string} conversation
 * @param {Staged} item
 */
export function unstage(conversation, item) {
  const list = staged(conversation);
  item.stop.abort();
  list.value = list.value.filter((each) => each.key !== item.key);
  if (item.view) call("files.remove", { file: item.view.id }).catch(() => {});
}

/**
 * Bring a file once more: as it is, cleaned again, or since it failed.
 *
 * @param {string} conversation
 * @param {Staged} item
 * @param {boolean} asIs
 */
export function bringAgain(conversation, item, asIs) {
  const at = staged(conversation).peek().findIndex((each) => each.key === item.key);
  unstage(conversation, item);
  begin(conversation, { name: item.name, octets: item.octets, asIs, rate: item.rate, at });
}
