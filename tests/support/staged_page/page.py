"""Opens the page on a staged account: the browser asks nobody, Playwright answers in place of server and account."""

from __future__ import annotations

import json
import mimetypes
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import balchat_texts
import balchat_ui_web
import segno
from balchat_ui_web.headers import shell_policy
from balchat_ui_web.page_files import load_page

from tests.support.staged_page import account

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page, Route, WebSocketRoute

    from balchat_host.api.views import MessageView

ORIGIN: Final = "http://balchat-staged.localhost:8000"
_SOURCES: Final = Path(balchat_ui_web.__file__).parent / "page"
_BUILT: Final = _SOURCES.with_name("built")
_TEXTS: Final = Path(balchat_texts.__file__).parent
_PAGE: Final = load_page("0")
_SHELL: Final = re.sub(r"/assets/[0-9a-f]+", "/assets/x", _PAGE.template)
_POLICY: Final = shell_policy(_PAGE.style_hash)
_STATES: Final = {"settings.watch": "settings", "status.watch": "now", "web.watch": "web"}
_GO: Final = """([name, params]) => {
    history.pushState({ params }, "", `#/${name}`);
    dispatchEvent(new PopStateEvent("popstate"));
}"""


class Staged:
    """What the page is told. Change `answers`, `web` and `now` before opening it, or tell it more with `tell`."""

    def __init__(self) -> None:
        self.web: dict[str, Any] = dict(account.WEB_STATE)
        self.now = account.status()
        self.settings = list(account.SETTINGS)
        self.conversations = account.conversations()
        self.progress: list[dict[str, Any]] = [
            {
                "type": "file.progress",
                "file": account.MAP.id,
                "here": 4_718_592,
                "there": 0,
                "hindered": None,
                "ways": ["direct"],
            },
            {
                "type": "file.progress",
                "file": account.VIDEO.id,
                "here": 188_743_680,
                "there": 71_303_168,
                "hindered": None,
                "ways": ["direct"],
            },
        ]
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "account.code": account.CODE,
            "capabilities": account.CAPABILITIES,
            "contacts.info": self._info,
            "contacts.list": account.CONTACTS,
            "contacts.safety_number": {"contact": "", "safety_number": account.SAFETY_NUMBER, "verified": False},
            "conversations.get": self._conversation,
            "conversations.list": lambda: self.conversations,
            "events.cursor": 0,
            "files.list": account.FILES,
            "messages.history": self._history,
            "relays.list": account.RELAYS,
            "requests.list": account.REQUESTS,
            "web.qr": _qr,
            "web.state": lambda: self.web,
        }
        self.cursor = 0
        self._streams: dict[str, list[int]] = {}
        self._socket: WebSocketRoute | None = None

    def open(self, context: BrowserContext, screen: str = "", params: dict[str, Any] | None = None) -> Page:
        """Open the page in a window of `context`, at one of its screens."""
        page = context.new_page()
        page.clock.set_fixed_time(datetime.fromtimestamp(account.NOW / 1000, UTC))
        page.route(f"{ORIGIN}/**", self._serve)
        page.route_web_socket(f"{ORIGIN.replace('http', 'ws')}/ws", self._connect)
        page.goto(f"{ORIGIN}/#t={'t' * 43}")
        page.wait_for_selector(".app, .stage h1")
        if screen:
            self.go(page, screen, params or {})
        return page

    @staticmethod
    def go(page: Page, screen: str, params: dict[str, Any]) -> None:
        """Show another screen."""
        page.evaluate(_GO, [screen, params])

    def close(self, code: int) -> None:
        """Close the socket as the server does, with a code that says why; the page may ask for another."""
        if self._socket is not None:
            self._socket.close(code=code)

    def receive(self, message: MessageView) -> None:
        """Have a message come, as an event and in its conversation."""
        self.conversations = [
            replace(each, last_message=message) if each.id == message.conversation else each
            for each in self.conversations
        ]
        self.cursor += 1
        event = {"type": "message.added", "cursor": self.cursor, "at": account.NOW, "message": account.plain(message)}
        self.tell("events.follow", event)

    def tell(self, stream: str, value: Any) -> None:
        """Give one more value to a stream. A state is also what whoever follows it later is told first."""
        if stream in _STATES:
            setattr(self, _STATES[stream], value)
        for number in self._streams.get(stream, []):
            self._say({"method": "value", "params": {"stream": number, "value": account.plain(value)}})

    def _conversation(self, conversation: str) -> Any:
        return next(each for each in self.conversations if each.id == conversation)

    def _history(self, conversation: str, **_: Any) -> Any:
        staged = {
            account.MARTA.conversation: account.conversation_with_marta(),
            account.CONTACTS[1].conversation: account.conversation_with_jonas(),
            account.CONTACTS[2].conversation: account.right_to_left(),
        }
        last = next((each.last_message for each in self.conversations if each.id == conversation), None)
        return staged.get(conversation, [last] if last else [])

    def _info(self, contact: str) -> Any:
        view = next(each for each in account.CONTACTS if each.peer_id == contact)
        alarms = (
            [{"kind": view.alarm, "first_at": account.NOW - 7_200_000, "last_at": account.NOW - 3_600_000, "times": 2}]
            if view.alarm
            else []
        )
        routes = [account.plain(each) for each in account.ROUTES]
        return {"contact": account.plain(view), "devices": ["d"], "alarms": alarms, "routes": routes}

    def _serve(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(body=_SHELL, content_type="text/html", headers={"Content-Security-Policy": _POLICY})
        elif path == "/session":
            route.fulfill(json={"bearer": "b" * 43})
        elif path == "/assets/x/sheet.js":
            route.fulfill(path=Path(__file__).with_name("sheet.js"), content_type="text/javascript")
        elif path.startswith("/assets/x/texts/"):
            route.fulfill(json=_catalogue(Path(path).stem))
        elif path.startswith("/assets/x/"):
            name = path.removeprefix("/assets/x/")
            # A test, and the sheet of parts, may want a module on its own.
            file = _BUILT / name if (_BUILT / name).exists() else _SOURCES / name
            route.fulfill(path=file, content_type=mimetypes.guess_type(file.name)[0])
        elif path.startswith(("/pictures/", "/previews/")):
            self.calls.append((route.request.url.removeprefix(ORIGIN), {}))
            if isinstance(refusal := self.answers.get(path), Refusal):
                error = {"code": refusal.code, "message": "", "fields": refusal.fields}
                route.fulfill(status=400, json={"error": error})
                return
            route.fulfill(body=account.picture(512 if path.startswith("/pictures/") else 64), content_type="image/webp")
        else:
            query = urlsplit(route.request.url).query
            self.calls.append((f"{path}?{query}" if query else path, {}))
            answer = self.answers.get(path, {})
            route.fulfill(json=answer(route.request) if callable(answer) else answer)

    def _connect(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(self._hear)

    def _say(self, frame: dict[str, Any]) -> None:
        if self._socket is not None:
            self._socket.send(json.dumps({"jsonrpc": "2.0", **frame}))

    def _hear(self, frame: str | bytes) -> None:
        request = json.loads(frame)
        if "bearer" in request:
            self._streams.clear()
            self._say({"method": "ready", "params": self.web})
            return
        method, number = request["method"], request.get("id")
        params = {name: value for name, value in request.get("params", {}).items() if name != "credit"}
        opening = self._first_values().get(method)
        if opening is not None:
            self._streams.setdefault(method, []).append(number)
            for value in opening:
                self._say({"method": "value", "params": {"stream": number, "value": account.plain(value)}})
        elif number is not None:
            self.calls.append((method, params))
            if self.answers.get(method) is not NO_ANSWER:
                self._say({"id": number, **self._answer(method, params)})

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        answer: Callable[..., Any] | Any = self.answers.get(method)
        value = answer(**params) if callable(answer) else answer
        if isinstance(value, Refusal):
            return {
                "error": {"code": -32001, "message": value.code, "data": {"code": value.code, "fields": value.fields}}
            }
        return {"result": account.plain(value)}

    def _first_values(self) -> dict[str, list[Any]]:
        present = {"type": "present", "reachable": account.REACHABLE, "failing": [], "attended": []}
        return {
            "web.watch": [self.web],
            "status.watch": [self.now],
            "settings.watch": [self.settings],
            "events.ephemeral": [present, *self.progress],
            "events.follow": [],
        }


NO_ANSWER = object()
"""The answer of a call that the account has not come to yet."""


class Refusal:
    """An answer that is an error."""

    def __init__(self, code: str, **fields: Any) -> None:
        self.code = code
        self.fields = fields


def _qr(text: str) -> dict[str, list[str]]:
    return {"rows": ["".join(map(str, row)) for row in segno.make(text, error="m").matrix]}


def _catalogue(language: str) -> dict[str, Any]:
    areas = sorted((_TEXTS / language).glob("*.json"))
    return {f"{area.stem}.{name}": text for area in areas for name, text in json.loads(area.read_text()).items()}
