/** Copying: a button that says that it has done so. */

import { html, useState } from "../vendor.js";
import { t } from "../core/texts.js";
import { Button, IconButton } from "./button.js";
import { toast } from "./toasts.js";

const SAID_FOR = 2_000;

/**
 * Copy a text. Say so, or that the browser does not allow it.
 *
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast(t("common.copy-refused"));
    return false;
  }
  toast(t("common.copied"));
  return true;
}

/**
 * A button that copies a text. Without `children` it is a symbol only, and `label` its name.
 *
 * @param {{ text: string, label?: string, kind?: string, children?: import("../vendor.js").ComponentChildren }} props
 */
export function CopyButton({ text, label, kind = "", children }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setDone(true);
    setTimeout(() => setDone(false), SAID_FOR);
  };
  const icon = done ? "check" : "copy";
  if (children) return html`<${Button} kind=${kind} icon=${icon} onClick=${copy}>${children}<//>`;
  return html`<${IconButton} icon=${icon} label=${label ?? t("common.copy")} onClick=${copy} />`;
}
