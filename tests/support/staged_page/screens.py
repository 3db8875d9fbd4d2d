"""Every screen of the page by name, and how the account stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.support.staged_page import account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Page

    from tests.support.staged_page.page import Staged

RECOVERY_CODE: Final = "7ZQ4-K2M8-XY3P-AB7D-9QRS-T4VW-M0RD"


def _with(contact: account.ContactView) -> dict[str, Any]:
    return {"peer_id": contact.peer_id, "conversation": contact.conversation}


ROUTES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "conversations": ("", {}),
    "chat": ("chat", {"conversation": account.MARTA.conversation}),
    "chat-failed": ("chat", {"conversation": account.CONTACTS[1].conversation}),
    "chat-right-to-left": ("chat", {"conversation": account.CONTACTS[2].conversation}),
    "search": ("search", {}),
    "contact": ("contact", _with(account.MARTA)),
    "contact-alarm": ("contact", _with(account.CONTACTS[6])),
    "verify": ("verify", _with(account.CONTACTS[1])),
    "files": ("files", {"conversation": account.MARTA.conversation}),
    "add": ("add", {}),
    "requests": ("requests", {}),
    "code": ("code", {}),
    "network": ("network", {}),
    "relays": ("relays", {}),
    "settings": ("settings", {}),
    "security": ("security", {}),
    "profiles": ("profiles", {}),
}
"""The screens of an account that runs: the name of the route, and its parameters."""

BEFORE: Final[Mapping[str, dict[str, Any]]] = {
    "create": {"account": "none"},
    "unlock": {"account": "stopped", "changes": ['delivery.policy = "relay-only"']},
    "starting": {"account": "starting"},
    "unreachable": {
        "account": "unreachable",
        "error": {"code": "running-unreachable", "message": "", "fields": {"process": 4711}},
    },
    "terminal": {"account": "stopped", "unlock": "terminal"},
}
"""The screens before it: what the server says of itself and of the account."""

LOCKED: Final = 4423
"""The code with which the server closes the socket of a window whose screen is locked."""

NAMES: Final = (*ROUTES, *BEFORE, "recovery", "locked", "signed-out")


def go(page: Page, stage: Staged, name: str) -> None:
    """Show a screen in a page that is open, and wait until it is whole."""
    state = BEFORE.get(name, {"account": "none"} if name == "recovery" else {"account": "running"})
    stage.tell("web.watch", account.WEB_STATE | state)
    if name in ROUTES:
        screen, params = ROUTES[name]
        stage.go(page, screen or "chats", params)
    elif name == "locked":
        stage.close(LOCKED)
    elif name == "signed-out":
        page.evaluate("sessionStorage.clear()")
        page.reload()
    elif name == "recovery":
        stage.answers |= {"web.create": {"recovery_code": RECOVERY_CODE}}
        page.get_by_label("Your name").fill("Alice")
        for field in page.locator("input[type=password]").all():
            field.fill("correct horse battery staple")
        page.get_by_role("button", name="Create the account").click()
    _settle(page, name)


_WHOLE: Final = {
    "conversations": ".app[data-shows=list]",
    "chat": ".bubble img",
    "chat-failed": ".failed-line",
    "chat-right-to-left": ".bubble",
    "search": ".search-body",
    "contact": ".app-side .facts dd:has-text('device')",
    "contact-alarm": ".app-side .notice",
    "verify": ".app-side .qr svg",
    "files": ".app-side .file-card",
    "add": ".page textarea",
    "requests": ".request",
    "code": ".page .qr svg",
    "network": ".network-now",
    "relays": ".card code",
    "settings": ".setting",
    "security": ".page input[type=password]",
    "profiles": ".page [aria-current]",
    "create": ".stage input[type=password]",
    "unlock": ".stage .changes",
    "starting": ".stage progress",
    "unreachable": ".stage .notice.bad",
    "terminal": ".stage .code-block",
    "recovery": ".recovery-code",
    "signed-out": ".stage .code-block",
    "locked": ".stage form",
}


def _settle(page: Page, name: str) -> None:
    page.locator(_WHOLE[name]).first.wait_for()
