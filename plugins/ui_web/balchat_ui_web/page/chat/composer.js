/**
 * Where one writes. The text is the field's own, so a key costs nothing but itself; the draft follows it.
 *
 * Enter sends or breaks the line, as the person has chosen; Shift+Enter, Alt+Enter and Ctrl+J always break it. What is
 * pasted is never sent by itself. ↑ in the empty field edits the last message.
 */

import { html, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor.js";
import { useFact } from "../conversations/fact.js";
import { isKey, useEscape } from "../core/keys.js";
import { setting, windowOf } from "../core/store.js";
import { draftChanged, draftOf, saveDrafts, typed } from "../core/store/drafts.js";
import { t } from "../core/texts.js";
import { leave, staged } from "../files/staging.js";
import { AttachButton, pasteFiles, Staging, useFileDrop } from "../files/staging-area.js";
import { RecordingBar, VoiceButton } from "../files/voice-button.js";
import { recording } from "../files/recorder.js";
import { IconButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { context, edit, isOpen } from "./actions.js";
import { useCompletion } from "./completion.js";
import { EmojiButton } from "./emoji-picker.js";
import { asTyped } from "./markdown.js";
import { edited, mentionable, send, sendErrors, setError } from "./sending.js";
import { authorOf, bareText, replyLine } from "./words.js";
import { oneLine } from "../core/visible.js";

const LINES = 8;
const SIZES_ITSELF = CSS.supports("field-sizing", "content");

/** @type {Set<string>} The conversations in which what was sent waits for its files. */
const waiting = new Set();

/** @param {{conversation: string}} props */
export function Composer({ conversation }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const [empty, setEmpty] = useState(true);
  const now = context.value?.conversation === conversation ? context.value : null;
  const editing = now?.kind === "edit" ? now.message : null;
  const files = staged(conversation).value;
  const waits = files.some((each) => each.leaving && each.state === "writing");
  const title = useFact(conversation, titled);
  const blocked = useFact(conversation, isBlocked);
  const people = useMemo(() => mentionable(conversation), [conversation, title]);

  const changed = useCallback(() => {
    const element = field.current;
    if (element === null) return;
    if (context.peek()?.kind !== "edit") typed(conversation, element.value);
    setEmpty(element.value.trim() === "");
    fit(element);
  }, [conversation]);
  const completion = useCompletion({ field, names: people, onChange: changed });

  const show = useCallback((/** @type {string} */ text) => {
    const element = /** @type {HTMLTextAreaElement} */ (field.current);
    if (element.value !== text) element.value = text;
    setEmpty(text.trim() === "");
    fit(element);
  }, []);
  // A text that is edited stands in the field for as long as that lasts; the draft waits behind it.
  const stamp = editing === null ? draftChanged.value : 0;
  useLayoutEffect(() => {
    show(editing === null ? draftOf(conversation) : asTyped(editing.text ?? ""));
  }, [conversation, editing?.id, stamp]);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) field.current?.focus({ preventScroll: true });
    return () => {
      saveDrafts();
      if (context.peek()?.conversation === conversation) context.value = null;
    };
  }, [conversation]);
  useEscape(now !== null, () => {
    context.value = null;
  });
  useFileDrop(field, conversation);

  const submit = useCallback(async () => {
    const element = /** @type {HTMLTextAreaElement} */ (field.current);
    const text = element.value.trim();
    const some = staged(conversation).peek().some((each) => !each.leaving);
    if (text === "" && !some) return;
    completion.close();
    const beside = context.peek();
    if (beside?.kind === "edit") {
      if (await edited(conversation, beside.message.id, text, people)) element.focus();
      return;
    }
    if (waiting.has(conversation)) return;
    waiting.add(conversation);
    const files = await leave(conversation);
    waiting.delete(conversation);
    // What failed to be attached is told beside it, and nothing goes without it.
    if (files === null) return;
    // While the files were begun, more may have been typed, and another conversation or message may be open by now.
    const whole = draftOf(conversation).trim();
    if (context.peek() === beside) context.value = null;
    await send({ conversation, text: whole, files, names: people, answers: beside?.message ?? null });
  }, [conversation, people]);

  const pressed = (/** @type {KeyboardEvent} */ event) => {
    // 229: Safari ends the composition before it tells of the Enter that ended it.
    if (event.isComposing || event.keyCode === 229 || completion.pressed(event)) return;
    const element = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
    if (event.key === "Enter" || isKey(event, "Ctrl+J")) {
      const sends = setting("settings.ui_web.enter_sends", true) ? isKey(event, "Enter") : isKey(event, "Mod+Enter");
      if (sends) {
        event.preventDefault();
        void submit();
      } else if (isKey(event, "Alt+Enter") || isKey(event, "Ctrl+J")) {
        event.preventDefault();
        element.setRangeText("\n", element.selectionStart, element.selectionEnd, "end");
        changed();
      }
    } else if (isKey(event, "ArrowUp") && element.value === "" && now === null) {
      const last = lastOwn(conversation);
      if (last === null) return;
      event.preventDefault();
      edit(last);
    }
  };
  if (blocked) return html`<p class="composer-closed">${t("chat.blocked")}</p>`;
  return html`<form class="composer" aria-label=${t("chat.composer")} onSubmit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    void submit();
  }}>
    <${SendError} conversation=${conversation} />
    ${now === null ? null : html`<${ContextLine} />`}
    <${Staging} conversation=${conversation} />
    <p class="fine composer-waits" role="status">${waits ? t("chat.sends-when-ready") : null}</p>
    ${completion.view}
    <${RecordingBar} conversation=${conversation} />
    <div class="composer-row" hidden=${recording.value?.conversation === conversation}>
      ${editing === null ? html`<${AttachButton} conversation=${conversation} />` : null}
      <div class="composer-field">
        <textarea id="composer" ref=${field} rows="1" dir="auto" spellcheck=${false} autocomplete="off"
          aria-label=${t("chat.write-to", { name: title })} placeholder=${t("chat.write")}
          aria-keyshortcuts=${setting("settings.ui_web.enter_sends", true) ? "Enter" : "Control+Enter"} aria-autocomplete="list" aria-controls=${completion.active === undefined ? undefined : "offers"} aria-activedescendant=${completion.active}
          onInput=${() => {
            changed();
            completion.look();
          }} onKeyDown=${pressed} onPaste=${(/** @type {ClipboardEvent} */ event) => void pasteFiles(event, conversation)}
          onBlur=${completion.close}></textarea>
        <${EmojiButton} field=${field} onChange=${changed} />
      </div>
      ${empty && files.length === 0 && editing === null
        ? html`<${VoiceButton} conversation=${conversation} />`
        : html`<${IconButton} icon=${editing === null ? "send" : "check"} kind="primary" type="submit" label=${t(editing === null ? "common.send" : "common.save")} />`}
    </div>
  </form>`;
}

/** @param {App.ConversationView | undefined} view */
const titled = (view) => (view === undefined ? "" : oneLine(view.title));

/** @param {App.ConversationView | undefined} view */
const isBlocked = (view) => view?.contact?.blocked === true;

/** @param {HTMLTextAreaElement} element */
function fit(element) {
  if (SIZES_ITSELF) return;
  element.style.height = "auto";
  const line = parseFloat(getComputedStyle(element).lineHeight) || 22;
  element.style.height = `${Math.min(element.scrollHeight, LINES * line + 20)}px`;
}

/**
 * Return our last message that can be edited.
 * @param {string} conversation
 */
function lastOwn(conversation) {
  const loaded = windowOf(conversation);
  for (const id of loaded.ids.peek().toReversed()) {
    const message = loaded.messages.get(id)?.peek();
    if (message !== undefined && message.author === null && message.text !== null && isOpen(message)) return message;
  }
  return null;
}

function ContextLine() {
  const now = context.value;
  if (now === null) return null;
  const { message, kind } = now;
  const text = replyLine({ ...message, text: message.text === null ? null : bareText(message), content_type: "text/plain" });
  return html`<div class="composer-context">
    <${Icon} name=${kind === "edit" ? "edit" : "reply"} />
    <span class="grow">
      <b class="one-line">${kind === "edit" ? t("chat.editing") : t("chat.replying-to", { name: authorOf(message) })}</b>
      <bdi class="one-line">${text}</bdi>
    </span>
    <${IconButton} icon="close" label=${t("common.cancel")} onClick=${() => (context.value = null)} />
  </div>`;
}

/** @param {{conversation: string}} props */
function SendError({ conversation }) {
  const text = sendErrors.value.get(conversation);
  if (text === undefined) return null;
  return html`<div class="composer-error" role="alert">
    <${Icon} name="alert" /><span class="grow">${text}</span>
    <${IconButton} icon="close" label=${t("common.close")} onClick=${() => setError(conversation, null)} />
  </div>`;
}
