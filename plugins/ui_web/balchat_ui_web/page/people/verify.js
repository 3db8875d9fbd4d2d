/**
 * Verifying a contact: comparing the safety number over another way.
 *
 * Made hard to do wrong: nothing is verified by a click alone. What the other side has is given here, as digits or as a
 * picture of their QR code, and the account compares; or the person says in a second step that they compared all of it.
 */

import { html, useEffect, useRef, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { back, route } from "../core/route.js";
import { contacts } from "../core/store.js";
import { t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Button } from "../parts/button.js";
import { CopyButton } from "../parts/copy.js";
import { confirm } from "../parts/dialog.js";
import { useDoing } from "../parts/doing.js";
import { TextField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { pictureIn, QrCode, readQr } from "./qr-picture.js";

const DIGITS = 60;
const GROUP = 5;

/** @param {string} text */
export function digitsOf(text) {
  return text.normalize("NFKC").replace(/\D/g, "");
}

/**
 * Return the groups of five digits of a safety number.
 *
 * @param {string} number
 */
export function groupsOf(number) {
  return digitsOf(number).match(/\d{1,5}/g) ?? [];
}

/** @param {{ number: string, given: string }} props */
function Number({ number, given }) {
  const entered = groupsOf(given);
  return html`<p class="safety-number digits" aria-label=${t("people.safety-number")}>
    ${groupsOf(number).map((group, at) => {
      const other = entered[at];
      const compared = other?.length === GROUP ? (other === group ? "same" : "different") : "";
      return html`<span class=${compared}>${group}</span> `;
    })}
  </p>`;
}

export function VerifyScreen() {
  const contact = contacts.value.get(String(route.value.params.peer_id));
  const number = useSignal("");
  const given = useSignal("");
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  const { busy, fault, run } = useDoing();
  const peer = contact?.peer_id ?? "";
  useEffect(() => {
    if (peer) {
      void run(async () => {
        number.value = (await call("contacts.safety_number", { contact: peer })).safety_number;
      });
    }
  }, [peer]);
  if (!contact) return html`<${Page} title=${t("people.verify-title")} deep />`;

  const name = oneLine(contact.name);
  const verify = async (/** @type {string} */ digits) => {
    const done = await run(() => call("contacts.verify", { contact: peer, safety_number: digits }));
    if (!done) return;
    toast(t("people.now-verified", { name }));
    back();
  };
  const entered = digitsOf(given.value);
  const differs = groupsOf(entered).some((group, at) => group.length === GROUP && group !== groupsOf(number.value)[at]);
  const scan = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    const text = await run(() => readQr(file));
    if (text === undefined) return;
    if (text && digitsOf(text).length === DIGITS) await verify(digitsOf(text));
    else toast(t("people.no-number-in-qr"));
  };
  const compared = async () => {
    const agreed = await confirm({ title: t("people.compared-title"), text: t("people.compared-text", { name }), action: t("people.compared-do") });
    if (agreed) await verify(digitsOf(number.value));
  };

  return html`<${Page} title=${t("people.verify-title")} deep>
    ${contact.verified ? html`<${Notice} kind="good" icon="shield-check"><p>${t("people.is-verified", { name })}</p><//>` : null}
    <p class="quiet-text">${t("people.verify-lead", { name })}</p>
    ${fault ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
    <div class="card own-code">
      ${number.value ? html`<${QrCode} text=${number.value} label=${t("people.number-picture")} />` : null}
      <${Number} number=${number.value} given=${given.value} />
      <${CopyButton} text=${number.value} kind="small">${t("people.copy-number")}<//>
    </div>
    <${Section} title=${t("people.verify-by-digits")} note=${t("people.verify-by-digits-note")}>
      <div class="stack tight">
        <${TextField} label=${t("people.their-digits", { name })} value=${given.value} class="code" rows=${2} inputmode="numeric"
          autocomplete="off" hint=${t("people.digits-count", { count: entered.length, of: DIGITS })}
          fault=${differs ? t("people.digits-differ") : null} onInput=${(/** @type {string} */ text) => (given.value = text)} />
        <div class="cluster">
          <${Button} kind="primary" icon="shield-check" busy=${busy} disabled=${entered.length !== DIGITS} onClick=${() => verify(entered)}>${t("people.verify-do")}<//>
          <${Button} icon="qr" onClick=${() => chooser.current?.click()}>${t("people.verify-by-qr")}<//>
          <input ref=${chooser} class="unseen" type="file" accept="image/*" tabindex="-1" aria-hidden="true"
            onChange=${(/** @type {Event} */ event) => {
              const input = /** @type {HTMLInputElement} */ (event.currentTarget);
              void scan(pictureIn(input));
              input.value = "";
            }} />
        </div>
      </div>
    <//>
    <${Section} title=${t("people.verify-by-voice")} note=${t("people.verify-by-voice-note", { name })}>
      <${Button} onClick=${compared}>${t("people.compared")}<//>
    <//>
  <//>`;
}
