/** QR codes: drawn from the rows that the server makes, and read by it from a picture that a person has. */

import { html, useEffect, useSignal } from "../vendor.js";
import { authorized, call } from "../core/calls.js";
import { CallError } from "../core/errors.js";

const QUIET_ZONE = 4;
const LARGEST_PICTURE = 8 * 1024 * 1024;

/**
 * Return the outline of the dark modules, one run of a row after the other.
 *
 * @param {string[]} rows
 */
export function outline(rows) {
  return rows
    .flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + QUIET_ZONE} ${y + QUIET_ZONE}h${run[0].length}v1h-${run[0].length}z`))
    .join("");
}

/**
 * Draw a text as a QR code: dark on light in every theme, since many readers take nothing else.
 *
 * @param {{ text: string, label: string }} props
 */
export function QrCode({ text, label }) {
  const rows = useSignal(/** @type {string[]} */ ([]));
  useEffect(() => {
    let wanted = true;
    call("web.qr", { text }).then(
      (drawn) => {
        if (wanted) rows.value = drawn.rows;
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [text]);
  const side = rows.value.length + 2 * QUIET_ZONE;
  return html`<div class="qr" role="img" aria-label=${label}>
    ${rows.value.length
      ? html`<svg viewBox=${`0 0 ${side} ${side}`} shape-rendering="crispEdges" aria-hidden="true"><path d=${outline(rows.value)} /></svg>`
      : null}
  </div>`;
}

/**
 * Return the text of the QR code in a picture, null where there is none. Raise CallError.
 *
 * @param {Blob} picture
 * @returns {Promise<string | null>}
 */
export async function readQr(picture) {
  if (picture.size > LARGEST_PICTURE) throw new CallError("too-large", { limit: LARGEST_PICTURE }, "");
  const answer = await authorized("/qr", { method: "POST", body: picture });
  return (await answer.json()).text;
}

/**
 * Return the picture among what was pasted, dropped or chosen, undefined where there is none.
 *
 * @param {DataTransfer | { files: FileList | null } | null} from
 */
export function pictureIn(from) {
  return [...(from?.files ?? [])].find((file) => file.type.startsWith("image/"));
}
