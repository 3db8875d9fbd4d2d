"""Links of others: what is one, and that none is opened without a yes to its host."""

from __future__ import annotations

import webbrowser
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from balchat_ui_tui.links import links_in

from tests.support.tui_terminal import shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://example.org/tides?day=1#high.", ["https://example.org/tides?day=1#high"]),
        (
            "[tides](https://example.org/a) and <http://b.example:8080>",
            ["https://example.org/a", "http://b.example:8080"],
        ),
        ("https://a.example https://a.example", ["https://a.example"]),
        # A Cyrillic letter that looks like a Latin one.
        ("https://exаmple.org", ["https://xn--exmple-4nf.org"]),
        # What stands before @ is no host, and is not sent.
        ("https://bank.example@evil.example/", ["https://evil.example/"]),
        ("https://good.example\\@evil.example/", ["https://evil.example/"]),
        ("https://a.example/\u202egpj.exe", ["https://a.example/%E2%80%AEgpj.exe"]),
        ("javascript:alert(1) file:///etc/passwd https:// https://[::1 https://a\x1b[31m", []),
        ("https://a.example:99999", []),
    ],
)
def test_what_is_shown_is_what_is_opened(text: str, addresses: list[str]) -> None:
    assert [each.address for each in links_in(text)] == addresses


def test_a_message_full_of_links_offers_some_of_them() -> None:
    assert len(links_in(" ".join(f"https://{number}.example" for number in range(5000)))) == 20


@pytest.mark.anyio
async def test_a_link_shows_its_host_and_opens_only_after_a_yes(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    alice.befriend("Bob").write("[bank.example](https://evil.example/login)")
    async with shown(profiles) as screen:
        monkeypatch.setattr(screen.app, "suspend", nullcontext)
        await screen.open("Bob")
        await screen.press("tab", "up", "l")
        await screen.shows("Open this link?", "This link leads to: evil.example", "https://evil.example/login")
        await screen.press("enter")  # the keyboard begins at the button that opens nothing
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        assert opened == []
        await screen.press("l")
        await screen.shows("Open this link?")
        await screen.press("y")
        await screen.until(lambda: opened)
        assert opened == ["https://evil.example/login"]
