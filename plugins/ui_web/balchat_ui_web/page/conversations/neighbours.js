/** Which conversation comes before or after the one that is open, as the list shows them. */

import { go, route } from "../core/route.js";
import { conversations, order } from "../core/store.js";

/** Return the conversations that are not put away, in the order of the list. */
function listed() {
  return order.peek().filter((id) => conversations.get(id)?.peek().archived === false);
}

/** @param {1 | -1} step */
export function goToNeighbour(step) {
  const ids = listed();
  const now = ids.indexOf(String(route.peek().params.conversation ?? ""));
  const next = ids[now < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, now + step))];
  if (next !== undefined) go("chat", { conversation: next }, { replace: now >= 0 });
}

/** Go to the next conversation with something unread. */
export function goToUnread() {
  const ids = listed();
  const now = ids.indexOf(String(route.peek().params.conversation ?? ""));
  const after = [...ids.slice(now + 1), ...ids.slice(0, Math.max(now, 0))];
  const next = after.find((id) => (conversations.get(id)?.peek().unread ?? 0) > 0);
  if (next !== undefined) go("chat", { conversation: next });
}
