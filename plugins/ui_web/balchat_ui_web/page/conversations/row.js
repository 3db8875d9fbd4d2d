/** One conversation in the list. */

import { html } from "../vendor.js";
import { StateMark } from "../chat/state-mark.js";
import { route } from "../core/route.js";
import { conversations, reachable } from "../core/store.js";
import { draftChanged, draftOf } from "../core/store/drafts.js";
import { shortTime, t } from "../core/texts.js";
import { Avatar } from "../parts/avatar.js";
import { Badge } from "../parts/badge.js";
import { Icon } from "../parts/icon.js";
import { openMenu } from "../parts/menu.js";
import { isSerious } from "../people/contact-state.js";
import { conversationItems } from "./actions.js";
import { preview, sentence, titleOf } from "./summary.js";

/**
 * @param {{id: string, place: number, of: number, focusable: boolean, onOpen: (id: string) => void, onFocus: (place: number) => void}} props
 */
export function ConversationRow({ id, place, of, focusable, onOpen, onFocus }) {
  const view = conversations.get(id)?.value;
  void draftChanged.value;
  if (view === undefined) return null;
  const open = route.value.params.conversation === id;
  // What is being written in the open one stands in its composer.
  const draft = open ? "" : draftOf(id);
  const { kind, text, own } = preview(view, draft);
  const menu = (/** @type {MouseEvent} */ event) => {
    event.preventDefault();
    const at = event.clientX === 0 ? /** @type {HTMLElement} */ (event.currentTarget) : { x: event.clientX, y: event.clientY };
    openMenu(at, conversationItems(view), titleOf(view));
  };
  const last = view.last_message;
  return html`<li aria-posinset=${place + 1} aria-setsize=${of}>
    <button type="button" class="row conversation" data-id=${id} tabindex=${focusable ? 0 : -1} aria-current=${open ? "true" : undefined}
      aria-label=${sentence(view, draft)} onClick=${() => onOpen(id)} onFocus=${() => onFocus(place)} onContextMenu=${menu}>
      <${Avatar} id=${view.contact?.peer_id ?? id} name=${titleOf(view)} kind=${view.kind}
        presence=${view.contact !== null && reachable.value.has(view.contact.peer_id)} />
      <span class="grow" aria-hidden="true">
        <span class="conversation-head">
          <bdi class="conversation-title one-line">${titleOf(view)}</bdi>
          ${view.contact?.verified ? html`<${Icon} name="shield-check" size="small" class="good" />` : null}
          ${view.muted ? html`<${Icon} name="bell-off" size="small" />` : null}
          <span class="conversation-time">${last === null ? null : shortTime(last.sent_at)}</span>
        </span>
        <span class="conversation-line">
          ${own && kind === "message" && last !== null ? html`<${StateMark} state=${last.state} />` : null}
          ${kind === "failed" ? html`<${Icon} name="alert" size="small" class="bad" />` : null}
          ${kind === "draft" ? html`<b class="draft-mark">${t("conversations.draft")}:</b>` : null}
          <span class=${`one-line grow of-${kind}`} dir="auto">${text}</span>
          ${isSerious(view.contact?.alarm ?? null) ? html`<${Icon} name="alert" size="small" class="bad" />` : null}
          ${view.mentions > 0 ? html`<span class="mention-badge">@</span>` : null}
          <${Badge} count=${view.unread} calm=${view.muted} />
        </span>
      </span>
    </button>
  </li>`;
}
