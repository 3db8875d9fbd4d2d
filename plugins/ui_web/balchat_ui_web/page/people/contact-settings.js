/** What holds for one conversation: attention, expiry, and which files come by themselves. */

import { html } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { span } from "../conversations/summary.js";
import { call } from "../core/calls.js";
import { capabilities } from "../core/store.js";
import { moment, size, t } from "../core/texts.js";
import { Field, SwitchRow } from "../parts/field.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const MB = 1_000_000;
const TIMERS = Object.freeze([300, HOUR, 8 * HOUR, DAY, 7 * DAY, 28 * DAY]);
const SIZES = Object.freeze([0, MB / 4, MB, 10 * MB, 100 * MB]);

/**
 * A list to choose one value from, as a row's control.
 *
 * @param {{ label: string, hint?: string, value: number | null, values: readonly number[],
 *   words: (value: number | null) => string, onChange: (value: number | null) => void }} props
 */
function Chooser({ label, hint, value, values, words, onChange }) {
  const all = value === null || values.includes(value) ? values : [...values, value].sort((one, other) => one - other);
  const changed = (/** @type {Event} */ event) => {
    const chosen = /** @type {HTMLSelectElement} */ (event.currentTarget).value;
    onChange(chosen === "" ? null : Number(chosen));
  };
  return html`<div class="row tall"><div class="grow"><${Field} label=${label} hint=${hint}>
    ${(/** @type {Record<string, unknown>} */ attributes) => html`<select ...${attributes} onChange=${changed}>
      <option value="" selected=${value === null}>${words(null)}</option>
      ${all.map((each) => html`<option value=${String(each)} selected=${each === value}>${words(each)}</option>`)}
    </select>`}
  <//></div></div>`;
}

/** @param {{ view: App.ConversationView }} props */
export function ConversationSettings({ view }) {
  const conversation = view.id;
  const mute = (/** @type {boolean} */ on) => attempt(call(on ? "conversations.mute" : "conversations.unmute", { conversation }));
  const archive = (/** @type {boolean} */ on) => attempt(call(on ? "conversations.archive" : "conversations.unarchive", { conversation }));
  const expire = (/** @type {number | null} */ seconds) => attempt(call("conversations.set_timer", { conversation, seconds }));
  const automatic = (/** @type {number | null} */ upTo) => attempt(call("files.set_automatic", { conversation, up_to: upTo }));
  const muted = view.muted_until === null ? t("people.mute-hint") : t("people.muted-until", { when: moment(view.muted_until) });
  return html`<div class="card">
    <${SwitchRow} label=${t("people.mute")} hint=${muted} checked=${view.muted} onChange=${mute} />
    <${SwitchRow} label=${t("people.archive")} hint=${t("people.archive-hint")} checked=${view.archived} onChange=${archive} />
    ${capabilities.value.has("conversations.set_timer")
      ? html`<${Chooser} label=${t("people.expiry")} hint=${t("people.expiry-hint")} value=${view.expire_after} values=${TIMERS}
          words=${(/** @type {number | null} */ seconds) => (seconds === null ? t("people.expiry-never") : t("people.expiry-after", { span: span(seconds) }))}
          onChange=${expire} />`
      : null}
    ${view.kind !== "self" && capabilities.value.has("files.set_automatic")
      ? html`<${Chooser} label=${t("files.automatic")} value=${view.fetch_up_to} values=${SIZES}
          words=${(/** @type {number | null} */ upTo) => (upTo === null ? t("files.automatic-default") : upTo === 0 ? t("files.automatic-none") : t("files.automatic-up-to", { size: size(upTo) }))}
          onChange=${automatic} />`
      : null}
  </div>`;
}
