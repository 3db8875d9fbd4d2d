/** Which component shows which route, and in which pane: beside the list, or in place of the chat. */

import { ChatScreen } from "./chat/screen.js";
import { MessageInfo } from "./chat/info.js";
import { Search } from "./chat/search.js";

/**
 * @typedef {{main?: Function, side?: Function}} Screen
 *   `main` is shown in the main pane; a `side` stands beside the chat of its `conversation`
 */

/** @type {Record<string, Screen>} */
export const screens = {
  chat: { main: ChatScreen },
  search: { main: Search },
  "message-info": { main: ChatScreen, side: MessageInfo },
};
