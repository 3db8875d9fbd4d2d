/** The staging area above the composer: what will go, how large it is, and what is removed from it before. */

import { html, signal, useEffect, useRef } from "../vendor.js";
import { capabilities } from "../core/store.js";
import { duration, known, size, t } from "../core/texts.js";
import { IconButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { Preview } from "./picture.js";
import { bringAgain, stage, staged, unstage } from "./staging.js";
import { VoicePlayer } from "./voice-player.js";

/** @typedef {import("./staging.js").Staged} Staged */

/** @param {Staged} item */
function said(item) {
  if (item.state === "failed") return item.fault;
  if (item.state === "writing") return t("files.preparing");
  const removed = item.view?.metadata_removed ?? [];
  if (removed.length) return t("files.removed", { what: removed.map((each) => known("states.metadata", each)).join(", ") });
  return item.view?.may_hold_metadata ? t("files.may-hold-metadata") : null;
}

/** @param {{ conversation: string, item: Staged }} props */
function StagedRow({ conversation, item }) {
  const { view } = item;
  const isPicture = view?.preview || /^image\/(jpeg|png|webp)$/.test(item.octets.type);
  const kind = item.state === "failed" ? "bad" : view?.may_hold_metadata ? "warn" : "";
  const name = item.rate === null ? item.name : t("voice.note");
  const octets = view && item.state === "ready" ? view.size : item.size;
  return html`<li class="staged">
    ${view?.preview && item.state === "ready" ? html`<${Preview} file=${view} />` : html`<span class="thumb"><${Icon} name=${item.rate === null ? (isPicture ? "image" : "file") : "mic"} /></span>`}
    <div class="grow">
      <p class="one-line" dir="auto">${name}</p>
      <p class=${`fine ${kind}`} role="status"><span>${view?.voice ? duration(view.voice.duration) : size(octets)}</span>${said(item) ? ` · ${said(item)}` : ""}</p>
      ${item.state === "writing" ? html`<progress aria-label=${t("files.preparing")} max=${item.size || 1} value=${item.written}></progress>` : null}
      ${item.rate !== null && view && item.state === "ready" ? html`<${VoicePlayer} file=${view} />` : null}
      ${isPicture && item.rate === null
        ? html`<label class="tick fine"><input type="checkbox" class="check" checked=${item.asIs} onChange=${() => bringAgain(conversation, item, !item.asIs)} />${t("files.as-is")}</label>`
        : null}
    </div>
    ${item.state === "failed" ? html`<${IconButton} icon="refresh" label=${t("common.retry")} onClick=${() => bringAgain(conversation, item, item.asIs)} />` : null}
    <${IconButton} icon="close" label=${t("files.unstage", { name })} onClick=${() => unstage(conversation, item)} />
  </li>`;
}

/** @param {{ conversation: string }} props */
export function Staging({ conversation }) {
  const list = staged(conversation).value;
  if (!list.length) return null;
  const sum = list.reduce((all, each) => all + each.size, 0);
  return html`<section class="staging" aria-label=${t("files.staging")}>
    <p class="fine">${t("files.staged", { count: list.length, size: size(sum) })}</p>
    <ul>${list.map((item) => html`<${StagedRow} key=${item.key} conversation=${conversation} item=${item} />`)}</ul>
  </section>`;
}

/**
 * A button that chooses files of this machine.
 *
 * @param {{ conversation: string }} props
 */
export function AttachButton({ conversation }) {
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  if (!capabilities.value.has("files.attach")) return null;
  const chosen = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    stage(conversation, input.files ?? []);
    input.value = "";
  };
  return html`<${IconButton} icon="attach" label=${t("files.attach")} onClick=${() => chooser.current?.click()} />
    <input ref=${chooser} class="unseen" type="file" multiple tabindex="-1" aria-hidden="true" onChange=${chosen} />`;
}

/**
 * Take the files that were pasted. Return whether there were any.
 *
 * Office programs lay a picture of the words beside them: then the words are meant.
 *
 * @param {ClipboardEvent} event
 * @param {string} conversation
 */
export function pasteFiles(event, conversation) {
  const files = event.clipboardData?.files;
  const words = event.clipboardData?.types.includes("text/html") && event.clipboardData.getData("text/plain").trim() !== "";
  if (!files?.length || words || !capabilities.peek().has("files.attach")) return false;
  event.preventDefault();
  stage(conversation, files);
  return true;
}

/** Whether files are held over the conversation now. */
const held = signal(false);

/**
 * Take files that are dropped on the pane of an element.
 *
 * @param {{ current: HTMLElement | null }} ref
 * @param {string} conversation
 */
export function useFileDrop(ref, conversation) {
  useEffect(() => {
    const element = /** @type {HTMLElement | null | undefined} */ (ref.current?.closest(".pane"));
    if (!element) return;
    const has = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && capabilities.peek().has("files.attach");
    const hold = (/** @type {DragEvent} */ event) => {
      if (!has(event)) return;
      event.preventDefault();
      held.value = true;
    };
    const leave = (/** @type {DragEvent} */ event) => {
      if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) held.value = false;
    };
    const drop = (/** @type {DragEvent} */ event) => {
      held.value = false;
      if (!has(event)) return;
      event.preventDefault();
      stage(conversation, event.dataTransfer?.files ?? []);
    };
    element.addEventListener("dragenter", hold);
    element.addEventListener("dragover", hold);
    element.addEventListener("dragleave", leave);
    element.addEventListener("drop", drop);
    return () => {
      element.removeEventListener("dragenter", hold);
      element.removeEventListener("dragover", hold);
      element.removeEventListener("dragleave", leave);
      element.removeEventListener("drop", drop);
    };
  }, [conversation]);
}

/** What is seen while files are held over a conversation. */
export function DropHint() {
  if (!held.value) return null;
  return html`<div class="drop-hint" aria-hidden="true"><${Icon} name="upload" size="big" /><span>${t("files.drop-here")}</span></div>`;
}
