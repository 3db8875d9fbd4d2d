/** The head of a conversation: with whom, how they are, and what can be done with all of it. */

import { html } from "../vendor.js";
import { conversationItems } from "../conversations/actions.js";
import { span, titleOf } from "../conversations/summary.js";
import { go } from "../core/route.js";
import { capabilities, conversations, reachable } from "../core/store.js";
import { t } from "../core/texts.js";
import { Avatar } from "../parts/avatar.js";
import { IconButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { MenuButton } from "../parts/menu.js";
import { ContactState } from "../people/contact-state.js";
import { askForDate, askForTimer } from "./dialogs.js";

/** @param {{conversation: string}} props */
export function ChatHead({ conversation }) {
  const view = conversations.get(conversation)?.value;
  if (view === undefined) return null;
  const { contact } = view;
  const title = titleOf(view);
  const items = () => [
    { icon: "search", label: t("chat.search"), onSelect: () => go("search", { conversation: view.id }) },
    { icon: "calendar", label: t("chat.jump-to-date"), onSelect: () => askForDate(view.id) },
    ...(capabilities.peek().has("conversations.set_timer")
      ? [{ icon: "timer", label: t("chat.timer"), onSelect: () => askForTimer(view.id) }]
      : []),
    null,
    ...conversationItems(view),
  ];
  const inner = html`<${Avatar} id=${contact?.peer_id ?? view.id} name=${title} kind=${view.kind} size="small"
      presence=${contact !== null && reachable.value.has(contact.peer_id)} />
    <span class="chat-title">
      <span class="chat-name"><bdi class="one-line">${title}</bdi>
        ${contact?.verified ? html`<${Icon} name="shield-check" size="small" class="good" /><span class="unseen">${t("chat.verified")}</span>` : null}
        ${view.expire_after === null ? null : html`<span class="tag"><${Icon} name="timer" size="small" />${span(view.expire_after)}</span>`}
      </span>
      ${contact === null ? null : html`<${ContactState} contact=${contact} />`}
    </span>`;
  return html`<header class="pane-head chat-head">
    <${IconButton} icon="back" kind="only-narrow" label=${t("common.back")} onClick=${() => go("chats")} />
    <h1 class="unseen">${title}</h1>
    ${contact === null
      ? html`<div class="grow chat-who">${inner}</div>`
      : html`<button type="button" class="grow chat-who" aria-label=${t("chat.details-of", { name: title })}
          onClick=${() => go("contact", { peer_id: contact.peer_id, conversation: view.id })}>${inner}</button>`}
    <${IconButton} icon="search" kind="in-menu-too" label=${t("chat.search")} onClick=${() => go("search", { conversation: view.id })} />
    <${MenuButton} icon="more" label=${t("chat.menu")} items=${items} />
  </header>`;
}
