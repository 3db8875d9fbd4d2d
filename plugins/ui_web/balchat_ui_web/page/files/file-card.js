/**
 * A file in a message: what it is, how far it is on either side, and what can be done with it.
 *
 * It is whole only when it is: 100 % stands where all of it is here, or where the other side has said so.
 */

import { html } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { call } from "../core/calls.js";
import { file as newest, progress } from "../core/store.js";
import { duration, known, size, t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { IconButton } from "../parts/button.js";
import { confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { MenuButton } from "../parts/menu.js";
import { usePace } from "./pace.js";
import { save } from "./save.js";

/** @param {App.FileView} file */
async function fetchFile(file) {
  await attempt(call("files.fetch", { file: file.id }));
}

/** @param {App.FileView} file */
async function remove(file) {
  const text = t(file.ours ? "files.remove-ours" : "files.remove-theirs");
  if (await confirm({ title: t("files.remove-title", { name: file.name }), text, action: t("files.remove"), danger: true })) {
    await attempt(call("files.remove", { file: file.id }));
  }
}

/**
 * Return how a file is now: the newest that is known, and how far its transfer is.
 *
 * @param {App.FileView} given
 */
export function useFile(given) {
  const file = newest(given.id).value ?? given;
  const now = progress(given.id).value;
  const here = Math.max(file.here, now?.here ?? 0);
  const there = file.ours ? Math.max(now?.there ?? 0, file.there, file.received_by === file.recipients && file.recipients > 0 ? file.size : 0) : 0;
  const leaves = file.ours && file.state === "complete" && file.recipients > 0 && file.received_by < file.recipients;
  const comes = !file.ours && file.state === "fetching";
  const hindered = now?.hindered ?? (comes ? file.reason : null);
  const pace = usePace(comes ? here : there, (comes || leaves) && !hindered);
  return { file, here, there, leaves, comes, hindered, pace, ways: now?.ways ?? file.ways };
}

/**
 * Return by which ways a file comes, in words; nothing where it comes directly alone.
 *
 * @param {string[]} ways
 */
function waysText(ways) {
  if (!ways.includes("relay")) return "";
  return t(ways.includes("direct") ? "files.by-relay-and-directly" : "files.by-relay");
}

/** @param {ReturnType<typeof useFile>} state */
function line({ file, here, there, leaves, comes, hindered, pace, ways }) {
  const parts = [];
  const done = comes ? here : there;
  if (comes || (leaves && there > 0) || file.state === "paused") parts.push(t("files.part", { done: size(file.state === "paused" ? here : done), of: size(file.size) }));
  else parts.push(size(file.size));
  if (comes && !hindered) parts.push(waysText(ways));
  if (hindered) parts.push(known("states.reason", hindered));
  else if (pace !== null) {
    parts.push(t("files.pace", { size: size(pace) }));
    parts.push(t("files.left", { time: duration(((file.size - done) / pace) * 1000) }));
  }
  if (file.state === "gone") parts.push(file.reason ? known("states.reason", file.reason) : t("states.file.gone"));
  if (file.state === "paused") parts.push(t("states.file.paused"));
  if (file.ours && file.state === "complete" && file.recipients > 0 && !hindered) {
    if (file.received_by === file.recipients) parts.push(t("files.received"));
    else if (there === 0) parts.push(t("files.waits"));
  }
  if (leaves && file.at_relays > 0) parts.push(t("files.at-relay", { size: size(file.at_relays) }));
  return parts.filter(Boolean).join(" · ");
}

/** @param {ReturnType<typeof useFile>} state */
function Action({ file, comes }) {
  if (comes) return html`<${IconButton} icon="pause" label=${t("files.pause", { name: file.name })} onClick=${() => attempt(call("files.pause", { file: file.id }))} />`;
  if (file.state === "paused") return html`<${IconButton} icon="play" label=${t("files.resume", { name: file.name })} onClick=${() => fetchFile(file)} />`;
  if (file.state === "complete" && !file.ours) return html`<${IconButton} icon="download" label=${t("files.save-one", { name: file.name })} onClick=${() => save(file)} />`;
  if (!file.ours && file.state === "offered") {
    return html`<${IconButton} icon="download" kind="primary" label=${t("files.fetch", { name: file.name, size: size(file.size) })} onClick=${() => fetchFile(file)} />`;
  }
  return null;
}

/** @param {App.FileView} file */
function symbolOf(file) {
  if (/^image\//.test(file.content_type)) return "image";
  if (/^audio\//.test(file.content_type)) return "mic";
  return "file";
}

/** @param {{ file: App.FileView }} props */
export function FileCard({ file: given }) {
  const state = useFile(given);
  const { file, here, there, leaves, comes } = state;
  const busy = comes || file.state === "paused" || (leaves && there > 0);
  const items = () => [
    ...(file.state === "complete" ? [{ icon: "download", label: t("files.save"), onSelect: () => save(file) }] : []),
    ...(comes || file.state === "paused" ? [{ icon: "close", label: t("files.cancel"), onSelect: () => attempt(call("files.remove", { file: file.id })) }] : []),
    ...(file.state === "complete" ? [{ icon: "trash", label: t("files.remove"), danger: true, onSelect: () => remove(file) }] : []),
  ];
  const hasMenu = comes || file.state === "paused" || file.state === "complete";
  return html`<div class=${`file-card ${file.state}`}>
    <span class="thumb"><${Icon} name=${symbolOf(file)} /></span>
    <div class="grow">
      <p class="one-line file-name" dir="auto" title=${oneLine(file.name)}>${oneLine(file.name)}</p>
      <p class=${`fine ${state.hindered || file.state === "gone" ? "warn" : ""}`}>${line(state)}</p>
      ${busy ? html`<progress aria-label=${t("files.progress", { name: file.name })} max=${file.size || 1} value=${file.ours ? there : here} class=${state.hindered ? "warn" : ""}></progress>` : null}
    </div>
    <${Action} ...${state} />
    ${hasMenu ? html`<${MenuButton} icon="more" label=${t("files.menu", { name: file.name })} items=${items} />` : null}
  </div>`;
}
