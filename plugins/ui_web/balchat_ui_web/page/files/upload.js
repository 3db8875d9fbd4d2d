/** Bringing a file of this machine into the account: in pieces, each when the last one is written. */

import { authorized } from "../core/calls.js";

const PIECE = 256 * 1024;

/**
 * Write the octets of a file that was begun. Throw CallError.
 *
 * @param {App.FileView} view
 * @param {Blob} octets
 * @param {(written: number) => void} onProgress
 * @param {AbortSignal} signal
 */
export async function write(view, octets, onProgress, signal) {
  for (let offset = 0; offset < octets.size; offset += PIECE) {
    const body = octets.slice(offset, offset + PIECE);
    await authorized(`/files/${view.id}?offset=${offset}`, { method: "POST", body, signal });
    onProgress(Math.min(offset + PIECE, octets.size));
  }
}
