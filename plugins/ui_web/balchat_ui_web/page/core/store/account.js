/**
 * What is known of the account, as signals: views read them and never write them.
 *
 * `follow.js` fills them from lists and events. Each conversation has a signal of its own, so that a message in one
 * redraws one row, whatever the number of the others.
 */

import { computed, signal } from "../../vendor.js";

/** @template T @typedef {import("../../vendor.js").Signal<T>} Signal */

/** @type {Signal<App.WebState | null>} What the server says of itself and of the account's process. */
export const web = signal(null);
/** @type {Signal<App.ServiceStatus | null>} */
export const status = signal(null);
/** @type {Signal<Set<string>>} */
export const capabilities = signal(new Set());
/** @type {Map<string, Signal<App.ConversationView>>} */
export const conversations = new Map();
/** @type {Signal<string[]>} The ids of the conversations, whichever has the newest message first. */
export const order = signal([]);
/** @type {Signal<Map<string, App.ContactView>>} */
export const contacts = signal(new Map());
/** @type {Signal<App.RequestView[]>} */
export const requests = signal([]);
/** @type {Signal<Map<string, App.SettingView>>} */
export const settings = signal(new Map());
/** @type {Signal<Set<string>>} The peer ids of who is within reach. */
export const reachable = signal(new Set());
/** @type {Signal<Set<string>>} The peer ids of those to whom sending fails and is tried again. */
export const failing = signal(new Set());
/** @type {Signal<Set<string>>} The conversations that any front end shows. */
export const attended = signal(new Set());
/** Whether lists have been read, so that an empty list means that there is nothing. */
export const loaded = signal(false);

/** How many messages are unread where somebody wants to hear of it. */
export const unreadInAll = computed(() => {
  let sum = 0;
  for (const id of order.value) {
    const view = conversations.get(id)?.value;
    if (view !== undefined && !view.muted && !view.archived) sum += view.unread;
  }
  return sum;
});

/** @type {Map<string, Signal<any>>} */
const transfers = new Map();
/** @type {Map<string, Signal<App.FileView | null>>} */
const files = new Map();

/** Files and transfers that are remembered, the oldest forgotten first. */
const MOST_FILES = 2000;

/**
 * Return the signal of how far the transfer of a file is, null while nothing is known.
 * @param {string} id
 * @returns {Signal<{here: number, there: number, hindered: string | null, ways: string[]} | null>}
 */
export function progress(id) {
  return remembered(transfers, id);
}

/**
 * Return the signal of the newest that events said of a file, null while they have said nothing.
 * @param {string} id
 * @returns {Signal<App.FileView | null>}
 */
export function file(id) {
  return remembered(files, id);
}

/**
 * @template T
 * @param {Map<string, Signal<T | null>>} map
 * @param {string} id
 */
function remembered(map, id) {
  let found = map.get(id);
  if (found === undefined) {
    found = signal(/** @type {T | null} */ (null));
    map.set(id, found);
    if (map.size > MOST_FILES) map.delete(/** @type {string} */ (map.keys().next().value));
  }
  return found;
}

/**
 * Return a setting's value, or `otherwise` where it is not known.
 * @template T
 * @param {string} key
 * @param {T} otherwise
 * @returns {T}
 */
export function setting(key, otherwise) {
  const view = settings.value.get(key);
  return view === undefined ? otherwise : /** @type {T} */ (view.value);
}

/** Forget everything of the account: another one is there, or the screen is locked. */
export function wipe() {
  conversations.clear();
  transfers.clear();
  files.clear();
  loaded.value = false;
  order.value = [];
  contacts.value = new Map();
  requests.value = [];
  status.value = null;
  reachable.value = new Set();
  failing.value = new Set();
  attended.value = new Set();
}
