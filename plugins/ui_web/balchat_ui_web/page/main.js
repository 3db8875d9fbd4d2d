/** Where the page starts: sign in, connect, draw. */

import { effect, html, render } from "./vendor.js";
import { App } from "./app.js";
import { followActivity } from "./account/leaving.js";
import { notifyOfPeople } from "./account/notifications.js";
import { loadEmoji } from "./chat/emoji.js";
import { tellInterrupted } from "./chat/interrupted.js";
import { notifyOfMessages } from "./chat/notifications.js";
import { connect, watchOverConnection } from "./core/connection.js";
import { followAccount, onWipe } from "./core/follow.js";
import { followHistory } from "./core/route.js";
import { signIn } from "./core/session.js";
import { keepDrafts } from "./core/store/drafts.js";
import { speak } from "./core/texts.js";
import { wipeOctets } from "./files/octets.js";
import { wipeStaged } from "./files/staging.js";
import { followTheme } from "./parts/theme.js";
import { web } from "./core/store.js";

/**
 * Start the page.
 * @param {Promise<unknown>} styled when its style is there
 */
export async function start(styled) {
  const root = /** @type {HTMLElement} */ (document.getElementById("page"));
  let spoken = document.documentElement.dataset.language ?? "auto";
  const words = speak(spoken);
  void loadEmoji();
  followHistory();
  followAccount();
  keepDrafts();
  notifyOfMessages();
  notifyOfPeople();
  followActivity();
  onWipe(wipeStaged);
  onWipe(wipeOctets);
  followTheme();
  await signIn();
  connect();
  watchOverConnection();
  await Promise.all([words, styled]);
  tellInterrupted();
  effect(() => {
    const wanted = web.value?.language;
    if (wanted !== undefined && wanted !== spoken) void speak((spoken = wanted));
  });
  root.textContent = "";
  render(html`<${App} />`, root);
}
