// What the web process itself is asked, besides the App.

declare namespace App {
  interface WebError {
    code: string;
    message: string;
    fields: Record<string, unknown>;
  }
  interface WebState {
    profile: string;
    account: "none" | "stopped" | "starting" | "running" | "unreachable";
    error: WebError | null;
    profiles: { name: string; account: "stopped" | "running" }[];
    version: string;
    language: string;
    languages: string[];
    unlock: "page" | "terminal";
    lock_minutes: number;
    changes: string[];
  }
  interface Calls {
    "web.state": { takes: {}; gives: WebState };
    "web.choose": { takes: { profile: string }; gives: WebState };
    "web.check_name": { takes: { name: string }; gives: string };
    "web.check_passphrase": { takes: { passphrase: string }; gives: null };
    "web.create": { takes: { name: string; passphrase: string }; gives: { recovery_code: string } };
    "web.start": { takes: { secret: string; slot?: "passphrase" | "recovery-code" }; gives: WebState };
    "web.new_window": { takes: {}; gives: { url: string } };
    "web.qr": { takes: { text: string }; gives: { rows: string[] } };
    "web.active": { takes: {}; gives: null };
    "web.ticket": { takes: { file: string }; gives: { path: string } };
    "web.send_when_written": Calls["messages.send"];
  }
  interface Streams {
    "web.watch": { takes: {}; gives: WebState };
  }
}
