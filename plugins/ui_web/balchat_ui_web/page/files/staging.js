/**
 * What was dropped, pasted or chosen, and is not sent yet: one list for each conversation.
 *
 * A file is written into the account while the person still writes, so that sending is quick, and so that they see what
 * is removed from it before it goes. What is taken away here is removed from the account, too.
 */

import { signal } from "../vendor.js";
import { call } from "../core/calls.js";
import { errorText } from "../core/texts.js";
import { write } from "./upload.js";

/** @template T @typedef {import("../vendor.js").Signal<T>} Signal */

/**
 * @typedef {{ key: number, name: string, size: number, octets: Blob, asIs: boolean, rate: number | null,
 *   state: "writing" | "ready" | "failed", written: number, view: App.FileView | null, fault: string | null,
 *   stop: AbortController, done: Promise<void> }} Staged `rate`: that of a voice note's samples
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
 * Return the ids of the files that can be sent now.
 *
 * @param {Staged[]} files
 */
export function idsOf(files) {
  return files.flatMap((each) => (each.state === "ready" && each.view ? [each.view.id] : []));
}

/**
 * Wait until everything is written. Return whether all of it can be sent: nothing is sent without what the person
 * believes to send.
 *
 * @param {string} conversation
 */
export async function whenStaged(conversation) {
  const list = staged(conversation);
  while (list.peek().some((each) => each.state === "writing")) await Promise.all(list.peek().map((each) => each.done));
  // Where everything was forgotten meanwhile, so was what should be sent.
  return lists.get(conversation) === list && list.peek().every((each) => each.state === "ready");
}

/**
 * Return what is staged, which is sent now, and stage nothing any more.
 *
 * @param {string} conversation
 */
export function takeStaged(conversation) {
  const list = staged(conversation);
  const taken = list.peek();
  list.value = [];
  return taken;
}

/**
 * Stage again what could not be sent.
 *
 * @param {string} conversation
 * @param {Staged[]} files
 */
export function putStagedBack(conversation, files) {
  const list = staged(conversation);
  list.value = [...files, ...list.peek()];
}

/** Forget everything: the account is not shown any more. */
export function wipeStaged() {
  for (const list of lists.values()) {
    for (const each of list.peek()) each.stop.abort();
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
 * @param {Signal<Staged[]>} list
 * @param {Staged} item
 */
async function bring(list, item) {
  const { key, octets, stop } = item;
  try {
    const begun =
      item.rate === null
        ? await call("files.attach", { name: item.name, size: octets.size, content_type: octets.type || null, as_is: item.asIs })
        : await call("files.attach_voice", { size: octets.size, rate: item.rate });
    change(list, key, { view: begun });
    const view = await write(begun, octets, (written) => change(list, key, { written }), stop.signal);
    change(list, key, { view, state: "ready" });
  } catch (error) {
    if (!stop.signal.aborted) change(list, key, { state: "failed", fault: errorText(error) });
  }
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
    stop: new AbortController(), done: Promise.resolve(),
  };
  const place = at ?? list.value.length;
  list.value = [...list.value.slice(0, place), item, ...list.value.slice(place)];
  change(list, item.key, { done: bring(list, item) });
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
