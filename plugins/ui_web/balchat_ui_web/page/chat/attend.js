/**
 * What a person has before their eyes: the account is told which conversation that is, so that nobody notifies of what
 * comes into it, and up to which message it was read. Only a tab that is shown and has the focus counts.
 */

import { effect, signal, untracked } from "../vendor.js";
import { call, onConnected } from "../core/connection.js";
import { route } from "../core/route.js";
import { conversations } from "../core/store/account.js";
import { windowOf } from "../core/store/windows.js";

const PAUSE = 300;

/** Whether somebody looks at the tab. */
export const watched = signal(document.hasFocus() && !document.hidden);
/** @type {import("../vendor.js").Signal<string | null>} The conversation that is before somebody's eyes. */
export const attending = signal(null);

/** @type {Map<string, string>} The last message that was in sight, by conversation. */
const sights = new Map();
/** @type {Map<string, string>} Up to where the account was told. */
const told = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let telling;

/**
 * A message of a conversation is in sight, and the last one that is.
 * @param {string} conversation
 * @param {string} id
 */
export function seen(conversation, id) {
  const ids = windowOf(conversation).ids.peek();
  // Who scrolls back has still seen what was below.
  if (ids.indexOf(id) < ids.indexOf(sights.get(conversation) ?? "")) return;
  sights.set(conversation, id);
  telling ??= setTimeout(tell, PAUSE);
}

function tell() {
  telling = undefined;
  const conversation = attending.peek();
  const last = conversation === null ? undefined : sights.get(conversation);
  if (conversation === null || last === undefined) return;
  const unread = conversations.get(conversation)?.peek().unread ?? 0;
  const key = `${last} ${unread}`;
  if (unread === 0 || told.get(conversation) === key) return;
  told.set(conversation, key);
  call("conversations.mark_read", { conversation, up_to: last }).catch(() => told.delete(conversation));
}

/** Keep the account told for as long as the page is open; return what ends that. */
export function attendWhileSeen() {
  const looked = () => {
    watched.value = document.hasFocus() && !document.hidden;
  };
  addEventListener("focus", looked);
  addEventListener("blur", looked);
  document.addEventListener("visibilitychange", looked);
  looked();
  const end = effect(() => {
    const conversation = route.value.params.conversation;
    const now = watched.value && typeof conversation === "string" ? conversation : null;
    attending.value = now;
    untracked(() => attend(now));
  });
  // What comes while somebody looks is read as soon as it is drawn; the count of it comes a moment later.
  const endCounting = effect(() => {
    const conversation = attending.value;
    if (conversation !== null && (conversations.get(conversation)?.value.unread ?? 0) > 0) telling ??= setTimeout(tell, PAUSE);
  });
  return () => {
    end();
    endCounting();
    removeEventListener("focus", looked);
    removeEventListener("blur", looked);
    document.removeEventListener("visibilitychange", looked);
    attend(null);
  };
}

/** @param {string | null} conversation */
function attend(conversation) {
  call("events.attend", { conversation }).catch(() => undefined);
}

onConnected(() => {
  told.clear();
  if (attending.peek() !== null) attend(attending.peek());
});
