/**
 * Recording a voice note. Nothing is lost at the limit: recording stops there, and what was said is kept.
 *
 * Samples stay in this page until they are staged; the account makes the sound file of them.
 */

import { signal } from "../vendor.js";
import { asset } from "../core/assets.js";

const RATE = 48_000;
const SAMPLE_OCTETS = 2;

/** The longest voice note, and how long before its end the person is told, in milliseconds. */
export const LONGEST = 5 * 60_000;
export const TOLD_BEFORE = 30_000;

/** @typedef {{ conversation: string, length: number, level: number, full: boolean }} Recording in milliseconds; `level` is 0 to 1 */

/** @type {import("../vendor.js").Signal<Recording | null>} */
export const recording = signal(null);

/** @type {{ context: AudioContext, stream: MediaStream, pieces: Int16Array<ArrayBuffer>[], samples: number } | null} */
let held = null;

/**
 * Add samples to the recording, as far as it is not full.
 *
 * @param {Int16Array<ArrayBuffer>} piece
 */
export function take(piece) {
  const now = recording.peek();
  if (!held || !now || now.full) return;
  held.pieces.push(piece);
  held.samples += piece.length;
  const length = (held.samples * 1000) / RATE;
  let loudest = 0;
  for (const sample of piece) loudest = Math.max(loudest, Math.abs(sample));
  const full = length >= LONGEST;
  recording.value = { ...now, length, level: loudest / 32_768, full };
  if (full) silence();
}

function silence() {
  for (const track of held?.stream.getTracks() ?? []) track.stop();
  if (held && held.context.state !== "closed") void held.context.close();
}

/**
 * Begin to record. Throw DOMException where the person or the browser does not allow it.
 *
 * @param {string} conversation
 */
export async function begin(conversation) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } });
  const context = new AudioContext({ sampleRate: RATE });
  held = { context, stream, pieces: [], samples: 0 };
  await context.audioWorklet.addModule(asset("recorder-worklet.js"));
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  node.port.onmessage = (event) => take(event.data);
  context.createMediaStreamSource(stream).connect(node);
  recording.value = { conversation, length: 0, level: 0, full: false };
}

/**
 * End the recording. Return its samples, null where there are none.
 *
 * @returns {{ samples: Blob, rate: number } | null}
 */
export function end() {
  const pieces = held?.pieces ?? [];
  silence();
  held = null;
  recording.value = null;
  const samples = new Blob(pieces, { type: "application/octet-stream" });
  return samples.size >= SAMPLE_OCTETS ? { samples, rate: RATE } : null;
}
