/** One message: a bubble, what it answers, its files, reactions and state. For a listener it is one sentence. */

import { computed, html, signal, useMemo, useState } from "../vendor.js";
import { timerLine } from "../conversations/summary.js";
import { isKey } from "../core/keys.js";
import { windowOf } from "../core/store.js";
import { moment, t, time } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { MessageFiles } from "../files/message-files.js";
import { IconButton } from "../parts/button.js";
import { copyText } from "../parts/copy.js";
import { Icon } from "../parts/icon.js";
import { openMenu } from "../parts/menu.js";
import { isOpen, messageItems, react, reacting, reply, retry } from "./actions.js";
import { MOST_AT_ONCE, RichText } from "./rich-text.js";
import { copySelected, select, selected, selectUpTo } from "./selection.js";
import { StateMark } from "./state-mark.js";
import { authorOf, bareText, expiryWords, messageSentence, refusalWords, replyLine, stateWords } from "./words.js";

/** The message that the pointer is over. */
const near = signal("");

/**
 * Follow the pointer over the messages. What moves below a pointer that rests is not followed.
 * @param {Event} event
 */
export function pointed(event) {
  near.value = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("li[data-id]"))?.dataset.id ?? "";
}

/**
 * @param {{conversation: string, id: string, first: boolean, last: boolean, focusable: boolean, group: boolean,
 *   onFocus: (id: string) => void, onJump: (id: string) => void}} props
 *   `first` and `last` in a run of messages of one author
 */
export function Message({ conversation, id, first, last, focusable, group, onFocus, onJump }) {
  const message = windowOf(conversation).messages.get(id)?.value;
  if (message === undefined) return null;
  if (message.timer !== null) return html`<li class="note" data-id=${id}><span><${Icon} name="timer" size="small" />${timerLine(message)}</span></li>`;
  const own = message.author === null;
  const choosing = selected.value.size > 0;
  const chosen = selected.value.has(id);
  const classes = ["message", own ? "own" : "other", first && "first", last && "last", chosen && "chosen", message.state === "failed" && "failed"];
  const menu = (/** @type {MouseEvent} */ event) => {
    if (window.getSelection()?.isCollapsed === false) return;
    event.preventDefault();
    const row = /** @type {HTMLElement} */ (event.currentTarget);
    openMenu(event.clientX === 0 ? row : { x: event.clientX, y: event.clientY }, messageItems(message, row), t("chat.message-menu"));
  };
  const clicked = (/** @type {MouseEvent} */ event) => {
    if (!choosing && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) selectUpTo(id, windowOf(conversation).ids.peek());
    else select(id);
  };
  return html`<li class=${classes.filter(Boolean).join(" ")} data-id=${id}>
    ${message.missing_before > 0 ? html`<p class="missing"><${Icon} name="alert" size="small" />${t("chat.missing", { count: message.missing_before })}</p>` : null}
    <div class="message-row" role="article" tabindex=${focusable ? 0 : -1} aria-label=${messageSentence(message)}
      onFocus=${() => onFocus(id)} onContextMenu=${menu} onClick=${clicked}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => pressed(event, message)}>
      ${choosing ? html`<span class=${chosen ? "chosen-mark on" : "chosen-mark"} aria-hidden="true"><${Icon} name="check" size="small" /></span>` : null}
      <div class="bubble">
        ${group && first && !own ? html`<bdi class="author">${authorOf(message)}</bdi>` : null}
        ${message.reply === null ? null : html`<${Quote} reply=${message.reply} onJump=${onJump} />`}
        <${Body} message=${message} />
        <${Foot} message=${message} />
      </div>
      ${choosing || !isOpen(message) ? null : html`<${Tools} message=${message} />`}
    </div>
    <${Reactions} message=${message} />
    ${message.state === "failed" ? html`<${Failed} message=${message} />` : null}
  </li>`;
}

/** @param {{message: App.MessageView}} props */
function Body({ message }) {
  const [whole, setWhole] = useState(false);
  if (message.deleted) return html`<p class="text quiet">${t("chat.deleted")}</p>`;
  if (message.text === null && message.files.length === 0) {
    return html`<p class="text quiet">${t("chat.unknown-content", { kind: oneLine(message.content_type) })}</p>`;
  }
  const text = message.text ?? "";
  const long = text.length > MOST_AT_ONCE && !whole;
  return html`
    ${message.files.length > 0 ? html`<${MessageFiles} files=${message.files} message=${message} />` : null}
    ${text === "" ? null : html`<${RichText} text=${long ? text.slice(0, MOST_AT_ONCE) : text} type=${message.content_type} />`}
    ${long ? html`<button type="button" class="link" onClick=${() => setWhole(true)}>${t("chat.show-all")}</button>` : null}`;
}

/** @param {{message: App.MessageView}} props */
function Foot({ message }) {
  const expires = message.expires_at !== null || message.expires_after !== null;
  return html`<span class="foot" aria-hidden="true">
    ${expires && !message.deleted ? html`<span title=${expiryWords(message)}><${Icon} name="timer" size="small" /></span>` : null}
    ${message.edited && !message.deleted ? html`<span>${t("chat.edited")}</span>` : null}
    <time title=${moment(message.sent_at)}>${time(message.sent_at)}</time>
    ${message.author === null ? html`<${StateMark} state=${message.state} />` : null}
  </span>`;
}

/** @param {{reply: App.ReplyView, onJump: (id: string) => void}} props */
function Quote({ reply: answered, onJump }) {
  return html`<button type="button" class="quote" onClick=${() => onJump(answered.id)} aria-label=${t("chat.go-to-answered")} tabindex="-1">
    <bdi class="author">${authorOf(answered)}</bdi><bdi class="quote-text">${replyLine(answered)}</bdi>
  </button>`;
}

/**
 * What can be done with a message: its menu, and beside the pointer what is done most. Two buttons for each of hundreds
 * of messages would be half of the page.
 * @param {{message: App.MessageView}} props
 */
function Tools({ message }) {
  const isNear = useMemo(() => computed(() => near.value === message.id), [message.id]);
  const row = (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.currentTarget);
  return html`<div class="tools">
    ${isNear.value
      ? html`<${IconButton} icon="smile" label=${t("chat.react")} tabindex="-1" onClick=${(/** @type {Event} */ event) => (reacting.value = { message, at: row(event) })} />
          <${IconButton} icon="reply" label=${t("chat.reply")} tabindex="-1" onClick=${() => reply(message)} />`
      : null}
    <${IconButton} icon="more" label=${t("chat.message-menu")} tabindex="-1" aria-haspopup="menu"
      onClick=${(/** @type {Event} */ event) => openMenu(row(event), messageItems(message, row(event)), t("chat.message-menu"))} />
  </div>`;
}

/** @param {{message: App.MessageView}} props */
function Reactions({ message }) {
  if (message.reactions.length === 0) return null;
  return html`<div class="reactions">
    ${message.reactions.map(
      (each) => html`<button type="button" key=${each.emoji} class=${each.ours ? "reaction ours" : "reaction"} aria-pressed=${String(each.ours)}
        aria-label=${t("chat.reaction-count", { emoji: each.emoji, count: each.count })} onClick=${() => void react(message, each.emoji)}>
        <span>${each.emoji}</span>${each.count > 1 ? html`<small>${each.count}</small>` : null}
        ${each.state === "failed" ? html`<${Icon} name="alert" size="small" class="bad" />` : null}
      </button>`,
    )}
  </div>`;
}

/** @param {{message: App.MessageView}} props */
function Failed({ message }) {
  return html`<p class="failed-line"><${Icon} name="alert" size="small" />
    <span>${message.reason === null ? stateWords(message) : `${t("states.message.failed")}: ${refusalWords(message.reason)}`}</span>
    <button type="button" class="link" onClick=${() => void retry(message)}>${t("common.retry")}</button>
  </p>`;
}

/**
 * @param {KeyboardEvent} event
 * @param {App.MessageView} message
 */
function pressed(event, message) {
  if (event.target !== event.currentTarget) return;
  const row = /** @type {HTMLElement} */ (event.currentTarget);
  const open = isOpen(message);
  const menu = () => openMenu(row, messageItems(message, row), t("chat.message-menu"));
  if (isKey(event, "Enter")) menu();
  else if (isKey(event, "R") && open) reply(message);
  else if (isKey(event, "E") && open) reacting.value = { message, at: row };
  else if (isKey(event, "Space")) select(message.id);
  else if (isKey(event, "Mod+C") && window.getSelection()?.isCollapsed !== false) {
    if (selected.peek().size > 0) void copySelected(message.conversation);
    else void copyText(bareText(message));
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
