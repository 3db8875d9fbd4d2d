/** The files of one message: pictures as pictures, voice notes as such, everything else as cards. */

import { html } from "../vendor.js";
import { FileCard, useFile } from "./file-card.js";
import { PictureButton } from "./picture.js";
import { VoicePlayer } from "./voice-player.js";

const PICTURES = /^image\/(jpeg|png|webp)$/;

/** @param {{ file: App.FileView }} props */
function One({ file: given }) {
  const { file, leaves, there } = useFile(given);
  if (file.voice) return html`<${VoicePlayer} file=${file} />${file.state === "complete" && !leaves ? null : html`<${FileCard} file=${file} />`}`;
  const isPicture = PICTURES.test(file.content_type) && (file.preview || file.state === "complete");
  if (!isPicture || file.state === "gone") return html`<${FileCard} file=${file} />`;
  const whole = file.state === "complete" && !(leaves && there > 0);
  return html`<${PictureButton} file=${file} />${whole ? null : html`<${FileCard} file=${file} />`}`;
}

/** @param {{ files: App.FileView[] }} props */
export function MessageFiles({ files }) {
  if (!files.length) return null;
  return html`<div class="message-files">${files.map((file) => html`<${One} key=${file.id} file=${file} />`)}</div>`;
}
