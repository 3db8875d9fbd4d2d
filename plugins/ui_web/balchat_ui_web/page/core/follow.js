/**
 * Keeps the store true: lists first, then every event after the cursor that was taken before them.
 *
 * Events come through one place (`heard`) and are applied together (together.js). After a lost connection the stream
 * goes on after the last event that was applied, so nothing is missed and nothing is read twice. Where the account does
 * not have those events any more, or another account is there, everything is read again.
 */

import { batch, effect } from "../vendor.js";
import { followKeys } from "./between-keys.js";
import { call, connection, onConnected, stream } from "./connection.js";
import { CallError } from "./errors.js";
import * as store from "./store/account.js";
import {
  messageCame,
  messageChanged,
  putConversation,
  readAgain,
  removeConversation,
  setConversations,
} from "./store/conversations.js";
import { forgetWaiting, together } from "./together.js";
import { allWindows, knownWindow, wipeWindows } from "./store/windows.js";

/** @type {number | null} The last event that is in the store. */
let cursor = null;
/** @type {string | null} */
let account = null;
/** Which connection is followed: what is left of an earlier one is dropped. */
let turn = 0;
let followed = false;
/** @type {number | null} The newest event there was when the connection came back. */
let newest = null;
/** @type {(() => void)[]} */
let untilCaughtUp = [];
/** @type {((event: App.Event) => void)[]} */
const listeners = [];
/** @type {(() => void)[]} */
const wipers = [];

/**
 * Call `listener` with each event, after the store has it.
 * @param {(event: App.Event) => void} listener
 */
export function onEvent(listener) {
  listeners.push(listener);
}

/**
 * Call `wiper` when everything of the account must go from the page.
 * @param {() => void} wiper
 */
export function onWipe(wiper) {
  wipers.push(wiper);
}

/** Fill the store from now on, at each connection. */
export function followAccount() {
  followKeys();
  effect(() => {
    if (connection.value === "locked" || connection.value === "signed-out") wipeAll();
  });
  onConnected(() => {
    const mine = ++turn;
    followed = false;
    stream("web.watch", {}, (state) => {
      if (mine === turn) webIs(state, mine);
    });
  });
}

/**
 * @param {App.WebState} state
 * @param {number} mine
 */
function webIs(state, mine) {
  const open = state.account === "running";
  if (account !== null && account !== state.profile) wipeAll();
  if (!open && account !== null && state.account !== "unreachable") wipeAll();
  store.web.value = state;
  if (open) account = state.profile;
  if (open && !followed) {
    followed = true;
    void follow(mine);
  }
  if (!open) followed = false;
}

function wipeAll() {
  cursor = null;
  account = null;
  forgetWaiting();
  batch(() => {
    store.wipe();
    wipeWindows();
    for (const each of wipers) each();
  });
}

/** @param {number} mine */
async function follow(mine) {
  try {
    if (cursor === null) await readAll();
  } catch {
    // The connection or the account is gone: the next one begins again.
    if (mine === turn) followed = false;
    return;
  }
  if (mine !== turn) return;
  const lists = [refreshCapabilities()];
  stream("status.watch", {}, (value) => (store.status.value = value));
  stream("settings.watch", {}, (list) => {
    store.settings.value = new Map(list.map((each) => [each.key, each]));
  });
  stream("events.ephemeral", {}, told);
  stream("events.follow", { after: cursor }, heard, (error) => {
    if (mine !== turn || !(error instanceof CallError) || error.code !== "cursor-too-old") return;
    cursor = null;
    forgetWaiting();
    void follow(mine);
  });
  await Promise.allSettled([...lists, catchUp()]);
}

async function refreshCapabilities() {
  store.capabilities.value = new Set(await call("capabilities", {}));
}

async function readAll() {
  const from = await call("events.cursor", {});
  const [list, asking] = await Promise.all([call("conversations.list", {}), call("requests.list", {})]);
  // Each contact stands in their conversation: to ask for them apart would take as long again.
  const people = list.flatMap((each) => (each.contact === null ? [] : [each.contact]));
  const reopened = [...allWindows()].filter((each) => each.loaded.peek());
  batch(() => {
    setConversations(list);
    store.contacts.value = new Map(people.map((each) => [each.peer_id, each]));
    store.requests.value = asking;
    store.loaded.value = true;
  });
  await Promise.all(
    reopened.map((each) => {
      const first = each.ids.peek()[0];
      return each.atEnd.peek() || first === undefined ? each.openEnd() : each.openAround(first).catch(() => each.openEnd());
    }),
  );
  cursor = from;
}

/** @param {App.Event} event */
function heard(event) {
  together(
    () => {
      applyOne(event);
      cursor = event.cursor;
    },
    () => {
      for (const each of listeners) each(event);
      tellCaughtUp();
    },
  );
}

/**
 * Call something once the store has all that had happened when the connection came back.
 * @param {() => void} then
 */
export function onCaughtUp(then) {
  untilCaughtUp.push(then);
}

async function catchUp() {
  newest = null;
  if (untilCaughtUp.length === 0) return;
  // Where this is cut off, the next connection asks again.
  newest = await call("events.cursor", {}).catch(() => null);
  tellCaughtUp();
}

function tellCaughtUp() {
  if (newest === null || cursor === null || cursor < newest) return;
  newest = null;
  const calls = untilCaughtUp;
  untilCaughtUp = [];
  for (const each of calls) each();
}

/** @param {App.Event} event */
function applyOne(event) {
  switch (event.type) {
    case "message.added":
      messageCame(event.message);
      knownWindow(event.message.conversation)?.added(event.message);
      break;
    case "message.changed":
      messageChanged(event.message);
      knownWindow(event.message.conversation)?.changed(event.message);
      break;
    case "message.removed":
      knownWindow(event.conversation)?.removed(event.id);
      readAgain(event.conversation);
      break;
    case "file.changed":
      store.file(event.file.id).value = event.file;
      break;
    case "conversation.changed":
      putConversation(event.conversation);
      break;
    case "contact.changed": {
      store.contacts.value = new Map(store.contacts.peek()).set(event.contact.peer_id, event.contact);
      readAgain(event.contact.conversation);
      break;
    }
    case "contact.removed": {
      const left = new Map(store.contacts.peek());
      left.delete(event.peer_id);
      store.contacts.value = left;
      removeConversation(event.conversation);
      break;
    }
    case "contact.alarm":
      readAgain(event.conversation);
      break;
    case "request.received":
      store.requests.value = [...without(event.request.peer_id), event.request];
      break;
    case "request.closed":
      store.requests.value = without(event.peer_id);
      break;
  }
}

/** @param {string} peer */
function without(peer) {
  return store.requests.peek().filter((each) => each.peer_id !== peer);
}

/** @param {App.Ephemeral} state */
function told(state) {
  switch (state.type) {
    case "present":
      batch(() => {
        store.reachable.value = new Set(state.reachable);
        store.failing.value = new Set(state.failing);
        store.attended.value = new Set(state.attended);
      });
      break;
    case "contact.presence":
      batch(() => {
        store.reachable.value = changed(store.reachable.peek(), state.peer_id, state.reachable);
        store.failing.value = changed(store.failing.peek(), state.peer_id, state.failing);
      });
      break;
    case "conversation.attended":
      store.attended.value = changed(store.attended.peek(), state.conversation, state.attended);
      break;
    case "file.progress":
      store.progress(state.file).value = { here: state.here, there: state.there, hindered: state.hindered, ways: state.ways };
      break;
  }
}

/**
 * @param {Set<string>} before
 * @param {string} member
 * @param {boolean} within
 */
function changed(before, member, within) {
  const after = new Set(before);
  if (within) after.add(member);
  else after.delete(member);
  return after;
}
