/** Leaving: locking the screen, shutting the account down, another window. */

import { authorized, call } from "../core/calls.js";
import { errorText, t } from "../core/texts.js";
import { confirm } from "../parts/dialog.js";
import { toast } from "../parts/toasts.js";

/** Lock the screen: every window is wiped and asks for the passphrase; the account goes on receiving. */
export async function lockScreen() {
  try {
    await authorized("/lock", { method: "POST" });
  } catch (error) {
    toast(errorText(error));
  }
}

/** End the account, once the person has agreed: nothing comes or goes until it is started again. */
export async function shutDown() {
  const agreed = await confirm({ title: t("settings.shut-down-title"), text: t("settings.shut-down-text"), action: t("settings.shut-down"), danger: true });
  if (!agreed) return;
  try {
    await call("account.shut_down", {});
  } catch (error) {
    toast(errorText(error));
  }
}

/** Open one more window, with a link of its own that is good once. */
export async function newWindow() {
  try {
    const { url } = await call("web.new_window", {});
    window.open(url, "_blank", "noopener");
  } catch (error) {
    toast(errorText(error));
  }
}

const PAUSE = 15_000;

/** Tell the server that a person is here, so that the screen does not lock itself. Call it once. */
export function followActivity() {
  let last = 0;
  const active = () => {
    const now = Date.now();
    if (now - last < PAUSE) return;
    last = now;
    call("web.active", {}).catch(() => {});
  };
  for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"]) addEventListener(kind, active, { passive: true, capture: true });
}
