/** Which screen stands in place of the conversations, by the state of the account. */

import { html } from "../vendor.js";
import { web } from "../core/store.js";
import { Create, Made, made } from "./create.js";
import { Starting, Unlock, UnlockInTerminal, Unreachable } from "./unlock.js";

export { LockScreen, SignedOut } from "./screen-lock.js";

export function Entry() {
  if (made.value) return html`<${Made} />`;
  const state = web.value;
  if (state?.account === "unreachable") return html`<${Unreachable} />`;
  if (state?.account === "starting") return html`<${Starting} />`;
  if (state?.unlock === "terminal") return html`<${UnlockInTerminal} />`;
  return state?.account === "none" ? html`<${Create} key=${state.profile} />` : html`<${Unlock} key=${state?.profile} />`;
}
