/** Where the page starts: sign in, connect, draw. */

import { html, render } from "./vendor.js";
import { App } from "./app.js";
import { followActivity } from "./account/leaving.js";
import { notifyOfPeople } from "./account/notifications.js";
import { notifyOfMessages } from "./chat/notifications.js";
import { connect, watchOverConnection } from "./core/connection.js";
import { followAccount, onWipe } from "./core/follow.js";
import { followHistory } from "./core/route.js";
import { signIn } from "./core/session.js";
import { keepDrafts } from "./core/store/drafts.js";
import { firstLanguage, speak } from "./core/texts.js";
import { wipeOctets } from "./files/octets.js";
import { wipeStaged } from "./files/staging.js";
import { followTheme } from "./parts/theme.js";

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
const words = speak(firstLanguage());
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
await words;
root.textContent = "";
render(html`<${App} />`, root);
