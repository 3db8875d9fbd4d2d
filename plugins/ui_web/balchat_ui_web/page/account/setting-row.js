/** One setting as a row: its name and purpose, a control that fits its kind, and what stands in the way of changing it. */

import { html, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { hasText, t } from "../core/texts.js";
import { IconButton } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { Icon } from "../parts/icon.js";

/**
 * Return what a setting is called in a person's words, or its key where nobody has written any.
 *
 * @param {App.SettingView} view
 */
export function nameOf(view) {
  const key = `settings.name.${view.key.replaceAll("_", "-")}`;
  return hasText(key) ? t(key) : view.key;
}

/** @param {App.SettingView} view */
function purposeOf(view) {
  const key = `settings.purpose.${view.key.replaceAll("_", "-")}`;
  return hasText(key) ? t(key) : view.doc;
}

/**
 * Return the words for one of a setting's choices.
 *
 * @param {App.SettingView} view
 * @param {string} choice
 */
function wordsFor(view, choice) {
  const key = `settings.choice.${view.key.replaceAll("_", "-")}.${choice}`;
  return hasText(key) ? t(key) : choice;
}

/** @param {App.SettingView} view */
export function isFixed(view) {
  return !view.writable || view.locked_by !== null;
}

/** @param {{ view: App.SettingView, id: string, described: string, change: (value: unknown) => void }} props */
function Control({ view, id, described, change }) {
  const disabled = isFixed(view);
  const attributes = { id, disabled, "aria-describedby": described };
  const valueOf = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;
  if (view.kind === "boolean") {
    const changed = (/** @type {Event} */ event) => change(/** @type {HTMLInputElement} */ (event.currentTarget).checked);
    return html`<input ...${attributes} type="checkbox" role="switch" class="switch" checked=${view.value === true} onChange=${changed} />`;
  }
  if (view.kind === "choice") {
    return html`<select ...${attributes} class="short" onChange=${(/** @type {Event} */ event) => change(valueOf(event))}>
      ${view.choices.map((choice) => html`<option value=${choice} selected=${choice === view.value}>${wordsFor(view, choice)}</option>`)}
    </select>`;
  }
  if (view.kind === "integer" || view.kind === "number") {
    const changed = (/** @type {Event} */ event) => change(Number(valueOf(event)));
    return html`<input ...${attributes} class="input short" type="number" min=${view.least} max=${view.most}
      step=${view.kind === "integer" ? 1 : "any"} value=${view.value} onChange=${changed} />`;
  }
  if (view.kind === "text") {
    return html`<input ...${attributes} class="input short" type="text" value=${view.value} maxlength=${view.most} spellcheck=${false}
      onChange=${(/** @type {Event} */ event) => change(valueOf(event))} />`;
  }
  return html`<output ...${attributes} class="code short">${JSON.stringify(view.value)}</output>`;
}

/** @param {{ view: App.SettingView }} props */
function Standing({ view }) {
  if (view.locked_by !== null) return html`<span class="tag"><${Icon} name="lock" size="small" />${t("settings.locked")}</span>`;
  if (view.overridden_by !== null) return html`<span class="tag warn">${t("settings.overridden", { by: view.overridden_by })}</span>`;
  if (view.pending) return html`<span class="tag warn"><${Icon} name="refresh" size="small" />${t("settings.pending")}</span>`;
  return null;
}

/**
 * @param {{ view: App.SettingView, plain?: boolean }} props `plain`: the key stands below the name
 */
export function SettingRow({ view, plain = false }) {
  const { busy, fault, run } = useDoing();
  const shown = useSignal(0);
  const id = `setting-${view.key}`;
  const change = async (/** @type {unknown} */ value) => {
    if ((await run(() => call("settings.set", { key: view.key, value }))) === undefined) shown.value += 1;
  };
  const reset = () => run(() => call("settings.reset", { key: view.key }));
  const changed = !isFixed(view) && view.source !== "default" && view.kind !== "boolean" && view.kind !== "choice";
  const wide = view.kind === "list" || view.kind === "table" || view.kind === "other";
  return html`<div class=${wide ? "row setting wide" : "row setting"} aria-busy=${busy || undefined}>
    <div class="grow">
      <label for=${id}>${nameOf(view)}</label>
      <small id=${`${id}-doc`}>${purposeOf(view)}</small>
      ${plain ? html`<code class="fine">${view.key}</code>` : null}
      <${Standing} view=${view} />
      ${fault ? html`<span class="fine bad" role="alert">${fault}</span>` : null}
    </div>
    <${Control} key=${shown.value} view=${view} id=${id} described=${`${id}-doc`} change=${change} />
    ${changed ? html`<${IconButton} icon="refresh" label=${t("settings.reset", { name: nameOf(view) })} onClick=${reset} />` : null}
  </div>`;
}
