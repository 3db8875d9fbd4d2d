/** Changes to the list of conversations: whole, one at a time, and what a message does to its own. */

import { signal } from "../../vendor.js";
import { call } from "../connection.js";
import { together } from "../together.js";
import { conversations, order } from "./account.js";

/** How long changes of one conversation are gathered before it is read again. */
const GATHER = 150;

/** @type {Set<string>} */
const stale = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let reading;

/** @param {App.ConversationView[]} list */
export function setConversations(list) {
  const ids = new Set(list.map((each) => each.id));
  for (const id of [...conversations.keys()]) if (!ids.has(id)) conversations.delete(id);
  for (const each of list) put(each);
  order.value = list.map((each) => each.id);
}

/** @param {App.ConversationView} view */
export function putConversation(view) {
  const isNew = !conversations.has(view.id);
  put(view);
  if (isNew) toFront(view.id);
}

/** @param {string} id */
function toFront(id) {
  const ids = order.peek();
  if (ids[0] !== id) order.value = [id, ...ids.filter((each) => each !== id)];
}

/** @param {App.ConversationView} view */
function put(view) {
  const known = conversations.get(view.id);
  if (known === undefined) conversations.set(view.id, signal(view));
  else known.value = view;
}

/** @param {string} id */
export function removeConversation(id) {
  if (conversations.delete(id)) order.value = order.peek().filter((each) => each !== id);
}

/** @param {App.MessageView} message */
export function messageCame(message) {
  const known = conversations.get(message.conversation);
  if (known !== undefined) {
    known.value = { ...known.peek(), last_message: message };
    toFront(message.conversation);
  }
  readAgain(message.conversation);
}

/** @param {App.MessageView} message */
export function messageChanged(message) {
  const known = conversations.get(message.conversation);
  if (known?.peek().last_message?.id === message.id) known.value = { ...known.peek(), last_message: message };
}

/**
 * Read a conversation again, soon: how much of it is unread follows from what other front ends do, too.
 * @param {string} id
 */
export function readAgain(id) {
  stale.add(id);
  reading ??= setTimeout(() => void readStale(), GATHER);
}

async function readStale() {
  const ids = [...stale];
  stale.clear();
  reading = undefined;
  for (const id of ids) {
    try {
      const view = await call("conversations.get", { conversation: id });
      together(() => putConversation(view));
    } catch {
      // It is gone, or the connection is: then an event, or the next connection, says what is true.
    }
  }
}
