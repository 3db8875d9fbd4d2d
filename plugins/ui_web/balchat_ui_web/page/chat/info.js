/** All that is known of a message: versions, who has it and by which way, who reacted, what we did with it. */

import { html, useEffect, useState } from "../vendor.js";
import { call } from "../core/calls.js";
import { useEscape } from "../core/keys.js";
import { go } from "../core/route.js";
import { windowOf } from "../core/store.js";
import { errorText, moment, t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { IconButton } from "../parts/button.js";
import { Notice } from "../parts/notice.js";
import { RichText } from "./rich-text.js";
import { StateMark } from "./state-mark.js";
import { authorOf, expiryWords, refusalWords } from "./words.js";

/** @param {{conversation: string, message: string}} props */
export function MessageInfo({ conversation, message: id }) {
  const [info, setInfo] = useState(/** @type {App.MessageInfoView | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const close = () => go("chat", { conversation }, { replace: true });
  useEscape(true, close);
  const now = windowOf(conversation).messages.get(id)?.value;
  // What is known changes with the message.
  useEffect(() => {
    call("messages.info", { message: id }).then(setInfo, setError);
  }, [id, now]);
  return html`
    <div class="pane-head">
      <h2>${t("chat.info")}</h2>
      <${IconButton} icon="close" label=${t("common.close")} onClick=${close} />
    </div>
    <div class="pane-body info">
      ${error === null ? null : html`<${Notice} kind="warn">${errorText(error)}<//>`}
      ${info === null ? null : html`<${Facts} info=${info} /><${Receipts} info=${info} /><${Versions} info=${info} /><${Reactions} info=${info} />`}
    </div>`;
}

/** @param {{info: App.MessageInfoView}} props */
function Facts({ info }) {
  const { message } = info;
  const facts = [
    [t("chat.info-author"), authorOf(message)],
    [t("chat.info-written"), moment(message.sent_at)],
    [t("chat.info-received"), info.received_at === null ? null : moment(info.received_at)],
    [t("chat.info-way"), info.way === null ? null : wayWords(info.way)],
    [t("chat.info-expires"), expiryWords(message) || null],
  ].filter(([, value]) => value !== null);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}</dl>`;
}

/** @param {App.WayView} way */
function wayWords(way) {
  if (way.direct) return t("chat.way-direct");
  return way.relay === null ? t("chat.way-relay") : t("chat.way-by-relay", { relay: oneLine(way.relay) });
}

/** @param {{info: App.MessageInfoView}} props */
function Receipts({ info }) {
  if (info.receipts.length === 0) return null;
  return html`<section class="section"><h3>${t("chat.info-receipts")}</h3>
    <ul class="stack tight">
      ${info.receipts.map(
        (each) => html`<li class="receipt" key=${each.peer_id}>
          <${StateMark} state=${each.state} />
          <span class="grow"><bdi>${oneLine(each.name)}</bdi>: ${t(`states.message.${each.state}`)}
            <small class="block">${moment(each.at)}${each.way === null ? "" : ` · ${wayWords(each.way)}`}</small>
            ${each.reason === null ? null : html`<small class="block bad">${refusalWords(each.reason)}</small>`}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{info: App.MessageInfoView}} props */
function Versions({ info }) {
  if (info.versions.length < 2) return null;
  return html`<section class="section"><h3>${t("chat.info-versions")}</h3>
    <ol class="stack tight">
      ${info.versions.map(
        (each) => html`<li class="version" key=${each.id}><small>${moment(each.sent_at)}</small>
          <${RichText} text=${each.text ?? ""} type=${each.content_type} /></li>`,
      )}
    </ol>
  </section>`;
}

/** @param {{info: App.MessageInfoView}} props */
function Reactions({ info }) {
  if (info.reactions.length === 0) return null;
  return html`<section class="section"><h3>${t("chat.info-reactions")}</h3>
    <ul class="stack tight">${info.reactions.map((each) => html`<li>${each.emoji} <bdi>${each.name === null ? t("chat.you") : oneLine(each.name)}</bdi></li>`)}</ul>
  </section>`;
}
