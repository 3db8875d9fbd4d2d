/** Questions of a conversation: to which day to go, and after what time its messages expire. */

import { html, signal, useState } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { span } from "../conversations/summary.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { conversations, windowOf } from "../core/store.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { Field } from "../parts/field.js";

/** Seconds to choose from. */
const TIMERS = [300, 3600, 28_800, 86_400, 604_800, 2_419_200];

/** @type {import("../vendor.js").Signal<{kind: "date" | "timer", conversation: string} | null>} */
const asked = signal(null);

/** @param {string} conversation */
export function askForDate(conversation) {
  asked.value = { kind: "date", conversation };
}

/** @param {string} conversation */
export function askForTimer(conversation) {
  asked.value = { kind: "timer", conversation };
}

export function ChatDialogs() {
  const now = asked.value;
  if (now === null) return null;
  const close = () => {
    asked.value = null;
  };
  return now.kind === "date"
    ? html`<${DateDialog} conversation=${now.conversation} close=${close} />`
    : html`<${TimerDialog} conversation=${now.conversation} close=${close} />`;
}

/** @param {{conversation: string, close: () => void}} props */
function DateDialog({ conversation, close }) {
  const [date, setDate] = useState("");
  const jump = async () => {
    const [year = 0, month = 1, dayOfMonth = 1] = date.split("-").map(Number);
    close();
    const loaded = windowOf(conversation);
    const id = await loaded.openDate(new Date(year, month - 1, dayOfMonth).getTime());
    const target = id ?? loaded.ids.peek().at(-1);
    if (target !== undefined) go("chat", { conversation, message: target, turn: Date.now() }, { replace: true });
  };
  const footer = html`<${Button} onClick=${close}>${t("common.cancel")}<//>
    <${Button} kind="primary" disabled=${date === ""} onClick=${() => void attempt(jump())}>${t("chat.jump")}<//>`;
  return html`<${Dialog} title=${t("chat.jump-to-date")} onClose=${close} footer=${footer}>
    <${Field} label=${t("chat.date")}>
      ${(/** @type {Record<string, unknown>} */ attributes) => html`<input ...${attributes} class="input" type="date" value=${date} autofocus
        onInput=${(/** @type {Event} */ event) => setDate(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />`}
    <//>
  <//>`;
}

/** @param {{conversation: string, close: () => void}} props */
function TimerDialog({ conversation, close }) {
  const now = conversations.get(conversation)?.value.expire_after ?? null;
  const choices = [...new Set([null, ...TIMERS, now])];
  const choose = async (/** @type {number | null} */ seconds) => {
    close();
    await attempt(call("conversations.set_timer", { conversation, seconds }));
  };
  return html`<${Dialog} title=${t("chat.timer")} onClose=${close}>
    <p class="quiet-text">${t("chat.timer-hint")}</p>
    <div class="card">
      ${choices.map(
        (each) => html`<button type="button" class="row" key=${each} aria-pressed=${String(each === now)} onClick=${() => void choose(each)}>
          <span class="grow">${each === null ? t("chat.timer-never") : span(each)}</span>${each === now ? "✓" : null}
        </button>`,
      )}
    </div>
  <//>`;
}
