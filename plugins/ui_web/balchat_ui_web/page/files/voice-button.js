/** The button that records, and what stands in the composer's place while it does. */

import { html } from "../vendor.js";
import { capabilities } from "../core/store.js";
import { duration, t } from "../core/texts.js";
import { Button, IconButton } from "../parts/button.js";
import { toast } from "../parts/toasts.js";
import { begin, end, LONGEST, recording, TOLD_BEFORE } from "./recorder.js";
import { stageVoice } from "./staging.js";

/** @param {{ conversation: string }} props */
export function VoiceButton({ conversation }) {
  if (!capabilities.value.has("files.attach_voice") || !navigator.mediaDevices) return null;
  const record = async () => {
    try {
      await begin(conversation);
    } catch {
      end();
      toast(t("voice.refused"));
    }
  };
  return html`<${IconButton} icon="mic" label=${t("voice.record")} onClick=${record} />`;
}

/**
 * Whether a voice note is being recorded in this conversation: then this stands in place of the composer.
 *
 * @param {{ conversation: string }} props
 */
export function RecordingBar({ conversation }) {
  const now = recording.value;
  if (now?.conversation !== conversation) return null;
  const left = LONGEST - now.length;
  const stop = () => {
    const got = end();
    if (got) stageVoice(conversation, got.samples, got.rate);
  };
  return html`<div class="recording" role="group" aria-label=${t("voice.recording")}>
    <span class="record-dot" style=${{ "--level": now.full ? 0 : now.level }} aria-hidden="true"></span>
    <span class="digits">${duration(now.length)}</span>
    <span class="grow fine" role="status">${now.full ? t("voice.full") : left <= TOLD_BEFORE ? t("voice.nearly-full", { time: duration(Math.ceil(TOLD_BEFORE)) }) : t("voice.recording")}</span>
    <${IconButton} icon="trash" label=${t("voice.discard")} onClick=${() => void end()} />
    <${Button} kind="primary" icon="stop" onClick=${stop}>${t("voice.stop")}<//>
  </div>`;
}
