/** Playing a voice note: a wave to see how long it is, to go anywhere in it, and three speeds. */

import { html, useEffect, useRef, useSignal } from "../vendor.js";
import { duration, errorText, t } from "../core/texts.js";
import { IconButton } from "../parts/button.js";
import { toast } from "../parts/toasts.js";
import { fetched, tryAgain } from "./octets.js";

const SPEEDS = Object.freeze([1, 1.5, 2]);
const HEIGHT = 28;
const BARS = 56;

/** @type {HTMLAudioElement | null} One plays at a time. */
let playing = null;

/** @param {{ levels: number[], part: number }} props `part` that was played, 0 to 1 */
function Wave({ levels, part }) {
  const bars = Array.from({ length: BARS }, (_, at) => levels[Math.floor((at * levels.length) / BARS)] ?? 40);
  return html`<svg class="wave" viewBox=${`0 0 ${bars.length * 3} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
    ${bars.map((level, at) => {
      const height = Math.max(2, (level / 255) * HEIGHT);
      return html`<rect class=${at / bars.length < part ? "played" : ""} x=${at * 3} y=${(HEIGHT - height) / 2} width="2" height=${height} rx="1" />`;
    })}
  </svg>`;
}

/** @param {{ file: App.FileView }} props */
export function VoicePlayer({ file }) {
  const audio = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const at = useSignal(0);
  const plays = useSignal(false);
  const speed = useSignal(1);
  const wanted = useSignal(false);
  const here = file.state === "complete";
  const path = `/voice/${file.id}`;
  const got = wanted.value ? fetched(path).value : null;
  const length = file.voice?.duration ?? 0;

  useEffect(() => {
    if (got?.fault) {
      toast(errorText(got.fault));
      wanted.value = false;
    }
    if (!got?.url || audio.current) return;
    const element = new Audio(got.url);
    element.ontimeupdate = () => (at.value = element.currentTime * 1000);
    element.onplay = () => (plays.value = true);
    element.onpause = () => (plays.value = false);
    element.onended = () => (at.value = 0);
    element.onerror = () => (plays.value = false);
    element.currentTime = at.value / 1000;
    audio.current = element;
    void start();
  }, [got?.url, got?.fault]);
  useEffect(() => () => audio.current?.pause(), []);

  const start = async () => {
    const element = audio.current;
    if (!element) {
      tryAgain(path);
      wanted.value = true;
      return;
    }
    if (playing !== element) playing?.pause();
    playing = element;
    element.playbackRate = speed.value;
    await element.play().catch((/** @type {unknown} */ error) => {
      // Whoever stops it before it has begun wants no word of that.
      if (!(error instanceof DOMException && error.name === "AbortError")) toast(t("voice.cannot-play"));
    });
  };
  const go = (/** @type {Event} */ event) => {
    at.value = Number(/** @type {HTMLInputElement} */ (event.currentTarget).value);
    if (audio.current) audio.current.currentTime = at.value / 1000;
  };
  const faster = () => {
    speed.value = SPEEDS[(SPEEDS.indexOf(speed.value) + 1) % SPEEDS.length] ?? 1;
    if (audio.current) audio.current.playbackRate = speed.value;
  };
  const shown = plays.value || at.value > 0 ? at.value : length;
  return html`<div class="voice" role="group" aria-label=${t("voice.of", { time: duration(length) })}>
    <${IconButton} icon=${plays.value ? "pause" : "play"} kind="primary" label=${t(plays.value ? "voice.pause" : "voice.play")} disabled=${!here}
      busy=${wanted.value && !got?.url} onClick=${() => (plays.value ? audio.current?.pause() : void start())} />
    <div class="wave-frame">
      <${Wave} levels=${file.voice?.levels ?? []} part=${length ? at.value / length : 0} />
      <input type="range" aria-label=${t("voice.place")} aria-valuetext=${duration(at.value)} min="0" max=${length} step="100" value=${at.value} disabled=${!here} onInput=${go} />
    </div>
    <span class="fine voice-time">${duration(shown)}</span>
    <button type="button" class="tag speed" aria-label=${t("voice.speed", { speed: String(speed.value) })} disabled=${!here} onClick=${faster}>${speed.value}×</button>
  </div>`;
}
