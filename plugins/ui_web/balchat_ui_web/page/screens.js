/** Which component shows which route, and in which pane: beside the list, or in place of the chat. */

import { ChatScreen } from "./chat/screen.js";
import { MessageInfo } from "./chat/info.js";
import { Search } from "./chat/search.js";
import { NetworkScreen } from "./account/network.js";
import { ProfilesScreen } from "./account/profiles.js";
import { RelaysScreen } from "./account/relays.js";
import { SecurityScreen } from "./account/security.js";
import { SettingsScreen } from "./account/settings.js";
import { FilesScreen } from "./files/files-screen.js";
import { AddScreen } from "./people/add.js";
import { CodeScreen } from "./people/code.js";
import { ContactScreen } from "./people/contact.js";
import { RequestsScreen } from "./people/requests.js";
import { VerifyScreen } from "./people/verify.js";

/**
 * @typedef {{main?: Function, side?: Function}} Screen
 *   `main` is shown in the main pane; a `side` stands beside the chat of its `conversation`
 */

/** @type {Record<string, Screen>} */
export const screens = {
  chat: { main: ChatScreen },
  search: { main: Search },
  "message-info": { main: ChatScreen, side: MessageInfo },
  add: { main: AddScreen },
  requests: { main: RequestsScreen },
  code: { main: CodeScreen },
  contact: { main: ChatScreen, side: ContactScreen },
  verify: { main: ChatScreen, side: VerifyScreen },
  files: { main: ChatScreen, side: FilesScreen },
  network: { main: NetworkScreen },
  relays: { main: RelaysScreen },
  settings: { main: SettingsScreen },
  security: { main: SecurityScreen },
  profiles: { main: ProfilesScreen },
};
