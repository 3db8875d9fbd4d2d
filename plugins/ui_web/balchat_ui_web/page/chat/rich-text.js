/** A message's text as elements. Every piece of it has come through `visible`; nothing is ever parsed as HTML. */

import { html, useMemo } from "../vendor.js";
import { visible } from "../core/visible.js";
import { askToOpen } from "./link.js";
import { isMarkdown, markdown, plainText } from "./markdown.js";

/** Characters of a text that is shown at once; the rest comes when somebody asks for it. */
export const MOST_AT_ONCE = 6000;

/** @param {{text: string, type: string}} props */
export function RichText({ text, type }) {
  const blocks = useMemo(() => (isMarkdown(type) ? markdown(text) : plainText(text)), [text, type]);
  const children = blocks.map(block);
  const big = !isMarkdown(type) && isOnlyEmoji(text);
  return html`<div class=${big ? "text only-emoji" : "text"}>${children}</div>`;
}

/** @param {import("./markdown.js").Block} each @returns {unknown} */
function block(each) {
  switch (each.kind) {
    case "paragraph":
      return html`<p dir="auto">${each.lines.map((line, index) => html`${index > 0 ? "\n" : ""}${line.map(piece)}`)}</p>`;
    case "heading":
      return html`<p class="heading" dir="auto"><strong>${each.line.map(piece)}</strong></p>`;
    case "code-block":
      return html`<pre tabindex="0"><code>${visible(each.text)}</code></pre>`;
    case "rule":
      return html`<hr />`;
    case "quote":
      return html`<blockquote dir="auto">${each.blocks.map(block)}</blockquote>`;
    case "list": {
      const items = each.items.map((item) => html`<li>${item.map(block)}</li>`);
      return each.start === null ? html`<ul>${items}</ul>` : html`<ol start=${each.start}>${items}</ol>`;
    }
  }
}

/** @param {import("./markdown.js").Inline} each @returns {unknown} */
function piece(each) {
  switch (each.kind) {
    case "text":
      return visible(each.text);
    case "code":
      return html`<code>${visible(each.text)}</code>`;
    case "strong":
      return html`<strong>${each.children.map(piece)}</strong>`;
    case "em":
      return html`<em>${each.children.map(piece)}</em>`;
    case "s":
      return html`<s>${each.children.map(piece)}</s>`;
    case "mention":
      return html`<bdi class="mention">${visible(each.text)}</bdi>`;
    case "link":
      return html`<button type="button" class="link" role="link" onClick=${() => askToOpen(each.address)}>${each.children.map(piece)}</button>`;
  }
}

/** @param {string} text */
function isOnlyEmoji(text) {
  return text.length <= 24 && /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u.test(text) && /\p{Extended_Pictographic}/u.test(text);
}
