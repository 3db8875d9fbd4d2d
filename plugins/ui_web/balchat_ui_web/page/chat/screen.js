/** One conversation: head, messages, and where one writes. */

import { html } from "../vendor.js";
import { useEscape } from "../core/keys.js";
import { go } from "../core/route.js";
import { conversations, order } from "../core/store.js";
import { t } from "../core/texts.js";
import { Button, IconButton } from "../parts/button.js";
import { Empty } from "../parts/empty.js";
import { Composer } from "./composer.js";
import { ChatDialogs } from "./dialogs.js";
import { EmojiPicker } from "./emoji-picker.js";
import { DropHint } from "../files/staging-area.js";
import { ChatHead } from "./head.js";
import { MessageList } from "./list.js";
import { Live } from "./live.js";
import { copySelected, deleteSelected, selectNothing, selected } from "./selection.js";

/** @param {{conversation: string, message?: string, turn?: number}} props */
export function ChatScreen({ conversation, message, turn = 0 }) {
  // It may be removed while it is open.
  void order.value;
  const there = conversations.has(conversation);
  useEscape(true, () => go("chats"));
  useEscape(selected.value.size > 0, selectNothing);
  if (!there) {
    return html`<${Empty} icon="chat" title=${t("chat.gone")}><${Button} onClick=${() => go("chats")}>${t("common.back")}<//><//>`;
  }
  return html`
    <${ChatHead} conversation=${conversation} />
    <${MessageList} key=${conversation} conversation=${conversation} target=${message ?? null} turn=${turn} />
    <div class="chat-foot">
      ${selected.value.size > 0 ? html`<${Selection} conversation=${conversation} />` : html`<${Composer} key=${conversation} conversation=${conversation} />`}
    </div>
    <${Live} /><${EmojiPicker} /><${ChatDialogs} /><${DropHint} />`;
}

/** @param {{conversation: string}} props */
function Selection({ conversation }) {
  const count = selected.value.size;
  return html`<div class="selection" role="toolbar" aria-label=${t("chat.selection")}>
    <${IconButton} icon="close" label=${t("common.cancel")} onClick=${selectNothing} />
    <span class="grow" role="status">${t("chat.selected", { count })}</span>
    <${Button} icon="copy" onClick=${() => void copySelected(conversation)}>${t("common.copy")}<//>
    <${Button} icon="trash" kind="danger" onClick=${() => void deleteSelected(conversation)}>${t("common.delete")}<//>
  </div>`;
}
