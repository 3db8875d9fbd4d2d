/** Fields: each has a label that stays, a hint, and what is wrong with it, all of it read out with the field. */

import { html, useEffect, useId, useRef, useState } from "../vendor.js";
import { t } from "../core/texts.js";
import { IconButton } from "./button.js";
import { Icon } from "./icon.js";

/** @typedef {import("../vendor.js").ComponentChildren} Children */
/** @typedef {(value: string) => void} TakeText */

/**
 * The frame of a field: label above, hint and fault below. `children` gets the attributes of the control.
 *
 * @param {{ label: string, hint?: Children, fault?: string | null | undefined,
 *   children: (attributes: Record<string, unknown>) => Children }} props
 */
export function Field({ label, hint, fault, children }) {
  const id = useId();
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ");
  const attributes = { id, "aria-describedby": described || undefined, "aria-invalid": fault ? "true" : undefined };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children(attributes)}
    ${hint ? html`<p class="hint" id=${`${id}-hint`}>${hint}</p>` : null}
    ${fault ? html`<p class="fault" id=${`${id}-fault`} role="alert"><${Icon} name="alert" size="small" />${fault}</p>` : null}
  </div>`;
}

/**
 * Return a ref that takes the focus once where `wanted`: browsers heed `autofocus` only while the page loads.
 *
 * @param {unknown} wanted
 */
function useFocus(wanted) {
  const control = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (wanted) control.current?.focus();
  }, []);
  return control;
}

/**
 * One line or, with `rows`, several lines of text. Nothing is sent to spell checkers of others.
 *
 * @param {{ label: string, value: string, onInput: TakeText, hint?: Children, fault?: string | null | undefined,
 *   rows?: number, class?: string, [attribute: string]: unknown }} props
 */
export function TextField({ label, value, onInput, hint, fault, rows, class: extra = "", autofocus = false, ...rest }) {
  const control = useFocus(autofocus);
  const take = (/** @type {Event} */ event) => onInput(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  return html`<${Field} label=${label} hint=${hint} fault=${fault}>
    ${(/** @type {Record<string, unknown>} */ attributes) =>
      rows
        ? html`<textarea ref=${control} ...${rest} ...${attributes} class=${`input ${extra}`} rows=${rows} value=${value} onInput=${take} spellcheck=${false} dir="auto"></textarea>`
        : html`<input ref=${control} ...${rest} ...${attributes} class=${`input ${extra}`} value=${value} onInput=${take} spellcheck=${false} dir="auto" />`}
  <//>`;
}

/**
 * A passphrase or a code that stays hidden until the person wants to see it.
 *
 * @param {{ label: string, value: string, onInput: TakeText, hint?: Children, fault?: string | null | undefined,
 *   autocomplete?: string, [attribute: string]: unknown }} props
 */
export function SecretField({ label, value, onInput, hint, fault, autocomplete = "off", autofocus = false, ...rest }) {
  const control = useFocus(autofocus);
  const [open, setOpen] = useState(false);
  const take = (/** @type {Event} */ event) => onInput(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  return html`<${Field} label=${label} hint=${hint} fault=${fault}>
    ${(/** @type {Record<string, unknown>} */ attributes) => html`<div class="with-button">
      <input ref=${control} ...${rest} ...${attributes} class="input" type=${open ? "text" : "password"} value=${value}
        onInput=${take} autocomplete=${autocomplete} spellcheck=${false} autocapitalize="off" />
      <${IconButton} icon=${open ? "eye-off" : "eye"} label=${t(open ? "common.hide" : "common.show")}
        aria-pressed=${String(open)} onClick=${() => setOpen(!open)} />
    </div>`}
  <//>`;
}

/**
 * A field to search with. Escape empties it.
 *
 * @param {{ label: string, value: string, onInput: TakeText, placeholder?: string, [attribute: string]: unknown }} props
 */
export function SearchField({ label, value, onInput, placeholder, ...rest }) {
  const take = (/** @type {Event} */ event) => onInput(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !value) return;
    event.preventDefault();
    event.stopPropagation();
    onInput("");
  };
  return html`<div class="search">
    <${Icon} name="search" />
    <input onKeyDown=${pressed} ...${rest} class="input" type="text" role="searchbox" inputmode="search"
      aria-label=${label} placeholder=${placeholder ?? label} value=${value} onInput=${take} spellcheck=${false}
      autocomplete="off" dir="auto" />
    ${value ? html`<${IconButton} icon="close" label=${t("common.clear")} onClick=${() => onInput("")} />` : null}
  </div>`;
}

/**
 * A row with a switch that acts at once.
 *
 * @param {{ label: string, checked: boolean, onChange: (on: boolean) => void, hint?: Children, disabled?: boolean }} props
 */
export function SwitchRow({ label, checked, onChange, hint, disabled = false }) {
  const id = useId();
  const changed = (/** @type {Event} */ event) => onChange(/** @type {HTMLInputElement} */ (event.currentTarget).checked);
  return html`<div class="row">
    <label class="grow" for=${id}><span>${label}</span>${hint ? html`<small id=${`${id}-hint`}>${hint}</small>` : null}</label>
    <input id=${id} class="switch" type="checkbox" role="switch" checked=${checked} disabled=${disabled}
      aria-describedby=${hint ? `${id}-hint` : undefined} onChange=${changed} />
  </div>`;
}

/**
 * One of a few, side by side.
 *
 * @param {{ label: string, value: string, options: { value: string, label: string, icon?: string }[],
 *   onChange: TakeText, disabled?: boolean, hideLabel?: boolean }} props
 */
export function Choice({ label, value, options, onChange, disabled = false, hideLabel = false }) {
  const name = useId();
  return html`<fieldset disabled=${disabled}>
    <legend class=${hideLabel ? "unseen" : "label"}>${label}</legend>
    <div class="choice">
      ${options.map(
        (option) => html`<label>
          <input type="radio" name=${name} value=${option.value} checked=${option.value === value}
            onChange=${() => onChange(option.value)} />
          ${option.icon ? html`<${Icon} name=${option.icon} size="small" />` : null}<span>${option.label}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}
