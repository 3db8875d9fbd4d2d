/** Adding a contact: one field that takes whatever was given to you. */

import { html, useRef, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { TextField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { meantBy, nameIn } from "./pasted.js";
import { pictureIn, readQr } from "./qr-picture.js";

const LONGEST_INTRODUCTION = 500;
/** Errors that are about the code, the name, and those about neither. */
const OF_CODE = new Set(["bad-chat-code", "own-chat-code", "already-a-contact", "bad-onion-address"]);
const OF_NAME = new Set(["name-taken"]);

export function AddScreen() {
  const code = useSignal("");
  const name = useSignal("");
  const introduction = useSignal("");
  const picture = useSignal(/** @type {string | null} */ (null));
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  const { busy, fault, code: wrong, run, forget } = useDoing();
  const meant = meantBy(code.value);

  const take = (/** @type {string} */ text) => {
    forget();
    picture.value = null;
    const found = meantBy(text);
    code.value = found.kind === "other" ? text : found.value;
    if (found.kind === "code" && !name.value) name.value = nameIn(found.value);
  };
  const takePicture = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    picture.value = null;
    await run(async () => {
      const text = await readQr(file);
      if (text) take(text);
      else picture.value = t("people.no-qr");
    });
  };
  const pasted = (/** @type {ClipboardEvent} */ event) => {
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    void takePicture(file);
  };
  const dropped = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    void takePicture(pictureIn(event.dataTransfer));
  };
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const added = await run(() =>
      call("contacts.add", { code: meant.value, name: name.value.trim() || null, introduction: introduction.value.trim() }),
    );
    if (added) go("chat", { conversation: added.conversation }, { replace: true });
  };

  const ofCode = wrong && OF_CODE.has(wrong) ? fault : picture.value;
  const ofName = wrong && OF_NAME.has(wrong) ? fault : null;
  return html`<${Page} title=${t("people.add-title")}>
    <form class="stack" onSubmit=${add} onPaste=${pasted} onDragOver=${(/** @type {Event} */ event) => event.preventDefault()} onDrop=${dropped}>
      <p class="quiet-text">${t("people.add-lead")}</p>
      <${TextField} label=${t("people.add-code")} value=${code.value} onInput=${take} rows=${3} class="code" required
        hint=${t("people.add-code-hint")} fault=${ofCode} autofocus autocomplete="off" autocapitalize="off" />
      <div class="cluster">
        <${Button} icon="qr" busy=${busy && !meant.value} onClick=${() => chooser.current?.click()}>${t("people.choose-qr")}<//>
        <input ref=${chooser} class="unseen" type="file" accept="image/*" tabindex="-1" aria-hidden="true"
          onChange=${(/** @type {Event} */ event) => {
            const input = /** @type {HTMLInputElement} */ (event.currentTarget);
            void takePicture(pictureIn(input));
            input.value = "";
          }} />
      </div>
      ${meant.kind === "relay"
        ? html`<${Notice} alert>
            <p>${t("people.is-a-relay")}</p>
            <${Button} kind="plain small" onClick=${() => go("relays", { address: meant.value })}>${t("people.to-relays")}<//>
          <//>`
        : null}
      <${TextField} label=${t("people.add-name")} value=${name.value} hint=${t("people.add-name-hint")} fault=${ofName}
        maxlength="64" autocomplete="off" onInput=${(/** @type {string} */ text) => (name.value = text)} />
      <${TextField} label=${t("people.introduction")} value=${introduction.value} rows=${3} maxlength=${LONGEST_INTRODUCTION}
        hint=${t("people.introduction-hint")} onInput=${(/** @type {string} */ text) => (introduction.value = text)} />
      ${fault && !ofCode && !ofName ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
      <div class="cluster">
        <${Button} kind="primary" type="submit" icon="person-add" busy=${busy} disabled=${!meant.value || meant.kind === "relay"}>${t("people.add-do")}<//>
        <${Button} kind="plain" icon="qr" onClick=${() => go("code")}>${t("people.show-own-code")}<//>
      </div>
    </form>
  <//>`;
}
