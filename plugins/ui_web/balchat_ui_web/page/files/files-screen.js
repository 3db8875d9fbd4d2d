/** The files of a conversation, the newest first. */

import { html, useEffect, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { onEvent } from "../core/follow.js";
import { route } from "../core/route.js";
import { errorText, t } from "../core/texts.js";
import { Empty } from "../parts/empty.js";
import { Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { FileCard } from "./file-card.js";

const MOST = 200;

/** @type {Set<() => void>} */
const readers = new Set();
let following = false;

function follow() {
  if (following) return;
  following = true;
  onEvent((event) => {
    if (event.type === "file.changed") for (const read of readers) read();
  });
}

export function FilesScreen() {
  const conversation = String(route.value.params.conversation ?? "");
  const files = useSignal(/** @type {App.FileView[] | null} */ (null));
  const fault = useSignal(/** @type {string | null} */ (null));
  useEffect(() => {
    follow();
    const read = () => {
      call("files.list", { conversation, limit: MOST }).then(
        (list) => (files.value = list),
        (error) => (fault.value = errorText(error)),
      );
    };
    readers.add(read);
    read();
    return () => void readers.delete(read);
  }, [conversation]);
  const list = files.value;
  return html`<${Page} title=${t("files.title")} deep>
    ${fault.value ? html`<${Notice} kind="bad" alert><p>${fault.value}</p><//>` : null}
    ${list?.length === 0 ? html`<${Empty} icon="file" title=${t("files.none")} text=${t("files.none-text")} />` : null}
    ${list?.length ? html`<ul class="stack tight">${list.map((file) => html`<li key=${file.id} class="card"><${FileCard} file=${file} /></li>`)}</ul>` : null}
  <//>`;
}
