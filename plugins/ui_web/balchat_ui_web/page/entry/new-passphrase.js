/** A new passphrase, twice: held to the vault's own rule while it is typed. */

import { html, useEffect, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { errorText, t } from "../core/texts.js";
import { SecretField } from "../parts/field.js";
import { Icon } from "../parts/icon.js";

const PAUSE = 300;

/**
 * Return the state of a new passphrase. `check` says whether it can be used, and shows what is wrong where not.
 */
export function useNewPassphrase() {
  const value = useSignal("");
  const again = useSignal("");
  const weak = useSignal(/** @type {string | null} */ (null));
  const strong = useSignal(false);
  const differs = useSignal(false);

  const judge = async (/** @type {string} */ text) => {
    try {
      await call("web.check_passphrase", { passphrase: text });
      if (text === value.value) {
        weak.value = null;
        strong.value = true;
      }
      return true;
    } catch (error) {
      if (text === value.value) {
        weak.value = errorText(error);
        strong.value = false;
      }
      return false;
    }
  };
  useEffect(() => {
    strong.value = false;
    if (!value.value) {
      weak.value = null;
      return;
    }
    const later = setTimeout(() => void judge(value.value), PAUSE);
    return () => clearTimeout(later);
  }, [value.value]);

  const check = async () => {
    differs.value = value.value !== again.value;
    return (await judge(value.value)) && !differs.value;
  };
  const clear = () => {
    value.value = "";
    again.value = "";
  };
  const inputs = {
    value: (/** @type {string} */ text) => (value.value = text),
    again: (/** @type {string} */ text) => {
      again.value = text;
      if (text === value.value) differs.value = false;
    },
  };
  return { value: value.value, again: again.value, weak: weak.value, strong: strong.value, differs: differs.value, check, clear, inputs };
}

/** @param {{ state: ReturnType<typeof useNewPassphrase> }} props */
export function NewPassphrase({ state }) {
  const hint = state.strong
    ? html`<span class="good strong-enough"><${Icon} name="check" size="small" />${t("entry.strong-enough")}</span>`
    : t("entry.passphrase-hint");
  return html`<${SecretField} label=${t("entry.new-passphrase")} hint=${hint} value=${state.value} fault=${state.weak} required
      autocomplete="new-password" onInput=${state.inputs.value} />
    <${SecretField} label=${t("entry.passphrase-again")} value=${state.again} fault=${state.differs ? t("entry.passphrases-differ") : null} required
      autocomplete="new-password" onInput=${state.inputs.again} />`;
}
