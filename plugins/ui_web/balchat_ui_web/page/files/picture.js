/** Pictures: the small preview that their sender made first, the whole picture on a click. */

import { html, useSignal } from "../vendor.js";
import { errorText, t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Notice } from "../parts/notice.js";
import { fetched } from "./octets.js";
import { save } from "./save.js";

const SIDE_OF_VIEW = 2048;

/**
 * A small picture of a file.
 *
 * @param {{ file: App.FileView }} props
 */
export function Preview({ file }) {
  const { url } = fetched(`/previews/${file.id}`).value;
  return html`<span class="thumb">${url ? html`<img src=${url} alt="" />` : html`<${Icon} name="image" />`}</span>`;
}

/** @param {{ file: App.FileView, onClose: () => void }} props */
export function PictureView({ file, onClose }) {
  const { url, fault } = fetched(`/pictures/${file.id}?side=${SIDE_OF_VIEW}`).value;
  const footer = html`<${Button} icon="download" onClick=${() => save(file)}>${t("files.save")}<//>`;
  return html`<${Dialog} title=${file.name} onClose=${onClose} footer=${footer} class="viewer">
    ${fault
      ? html`<${Notice} kind="bad" alert><p>${errorText(fault)}</p><//>`
      : url
        ? html`<img class="whole-picture" src=${url} alt=${t("files.picture-of", { name: file.name })} />`
        : html`<p class="cluster loading" role="status"><span class="busy" aria-hidden="true"></span>${t("files.loading")}</p>`}
  <//>`;
}

/**
 * A picture in a message. Its place is as large as it will be, so that nothing moves when it comes.
 *
 * @param {{ file: App.FileView }} props
 */
export function PictureButton({ file }) {
  const open = useSignal(false);
  const here = file.state === "complete";
  const { url } = fetched(here ? `/pictures/${file.id}?side=512` : `/previews/${file.id}`).value;
  const small = file.preview && here ? fetched(`/previews/${file.id}`).value.url : null;
  const shown = url ?? small;
  const ratio = file.width && file.height ? Math.min(Math.max(file.width / file.height, 0.6), 2.2) : 4 / 3;
  return html`<button type="button" class=${here ? "picture" : "picture not-here"} style=${{ "--ratio": ratio }} disabled=${!here}
      aria-label=${t("files.open-picture", { name: file.name })} onClick=${() => (open.value = true)}>
      ${shown ? html`<img src=${shown} alt="" />` : html`<${Icon} name="image" size="big" />`}
    </button>
    ${open.value ? html`<${PictureView} file=${file} onClose=${() => (open.value = false)} />` : null}`;
}
