/** The page's root: which part of it is shown follows from the connection, from the account and from the route. */

import { html, useEffect, useLayoutEffect } from "./vendor.js";
import { Cheats, showCheats } from "./chat/cheats.js";
import { LinkQuestion } from "./chat/link.js";
import { attendWhileSeen } from "./chat/attend.js";
import { ConversationPane } from "./conversations/pane.js";
import { goToNeighbour, goToUnread } from "./conversations/neighbours.js";
import { useKeys } from "./core/keys.js";
import { go, route } from "./core/route.js";
import { connection, loaded, unreadInAll, web } from "./core/store.js";
import { t } from "./core/texts.js";
import { Reconnecting } from "./conversations/reconnecting.js";
import { Button } from "./parts/button.js";
import { Empty } from "./parts/empty.js";
import { Overlays } from "./parts/overlays.js";
import { Spinner } from "./parts/progress.js";
import { screens } from "./screens.js";
import { Entry, LockScreen, SignedOut } from "./entry/entry.js";

export function App() {
  useTitle();
  return html`<${Part} /><${Overlays} />`;
}

function Part() {
  if (connection.value === "signed-out") return html`<${SignedOut} />`;
  if (connection.value === "locked") return html`<${LockScreen} />`;
  if (web.value === null) return html`<${Waiting} />`;
  if (web.value.account !== "running") return html`<${Entry} />`;
  return loaded.value ? html`<${Main} />` : html`<${Waiting} />`;
}

function Waiting() {
  return html`<div class="stage"><main><${Spinner} label=${t("common.loading")} /></main></div>`;
}

function Main() {
  const { name, params } = route.value;
  const screen = screens[name];
  useKeys({
    "chat-previous": () => goToNeighbour(-1),
    "chat-next": () => goToNeighbour(1),
    "unread-next": goToUnread,
    jump: () => document.getElementById("search-conversations")?.focus(),
    "search-all": () => go("search"),
    "cheat-sheet": showCheats,
  });
  useEffect(attendWhileSeen, []);
  const shows = screen === undefined ? "list" : screen.side === undefined ? "main" : "side";
  return html`<div class="app" data-shows=${shows}>
    <button type="button" class="skip button" onClick=${focusMain}>${t("chat.skip-to-conversation")}</button>
    <${ConversationPane} />
    <main class="pane app-main" id="main" tabindex="-1">
      <${Reconnecting} />
      ${screen?.main === undefined ? html`<${Nothing} />` : html`<${screen.main} ...${params} />`}
    </main>
    ${screen?.side === undefined ? null : html`<aside class="pane app-side"><${screen.side} ...${params} /></aside>`}
    <${Cheats} />
    <${LinkQuestion} />
  </div>`;
}

function Nothing() {
  return html`<h1 class="unseen">${t("chat.nothing-open")}</h1><${Empty} icon="chat" title=${t("chat.nothing-open")} text=${t("chat.nothing-open-hint")}>
    <div class="cluster">
      <${Button} icon="person-add" onClick=${() => go("add")}>${t("people.add-title")}<//>
      <${Button} icon="qr" onClick=${() => go("code")}>${t("people.show-own-code")}<//>
    </div>
  <//>`;
}

function focusMain() {
  const main = document.getElementById("main");
  const field = /** @type {HTMLElement | null | undefined} */ (main?.querySelector("textarea"));
  (field ?? main)?.focus();
}

/** The tab's title: how much is unread, and nothing of what or of whom. */
function useTitle() {
  const count = unreadInAll.value;
  useLayoutEffect(() => {
    document.title = count > 0 ? `(${count}) balchat` : "balchat";
  }, [count]);
}
