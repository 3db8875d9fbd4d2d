"""Draw the pictures of the terminal screen that docs/tui.md shows: an account in memory, pages of it as SVG.

.venv/bin/python -m scripts.tui_pictures [FOLDER [NAME ...]]

With a folder, all pictures are drawn into it, or those that are named.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from balchat_texts import Texts
from balchat_ui_tui import clock
from balchat_ui_tui.app import BalchatTui
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.settings import Theme, TuiSettings
from textual.pilot import Pilot

from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.memory_profiles import MemoryProfiles

DOCS: Final = Path(__file__).parents[1] / "docs"
IMAGES: Final = DOCS / "images"
Act = Callable[[Pilot[int], MemoryAccount], Awaitable[None]]


def _open(name: str, /, **arguments: object) -> Act:
    async def act(pilot: Pilot[int], account: MemoryAccount) -> None:
        del account
        tui: Any = pilot.app
        tui.session.open_screen(OpenScreen(name, arguments), tui.session)
        await pilot.pause(0.3)

    return act


def _press(*keys: str) -> Act:
    async def act(pilot: Pilot[int], account: MemoryAccount) -> None:
        del account
        await pilot.press(*keys)
        await pilot.pause(0.3)

    return act


async def _chat(pilot: Pilot[int], account: MemoryAccount) -> None:
    await _press("down", "down", "down", "enter")(pilot, account)


async def _contact(pilot: Pilot[int], account: MemoryAccount) -> None:
    contact = next(each for each in await account.app.contacts.list() if each.name == "Grace")
    await _open("people.contact", peer_id=contact.peer_id)(pilot, account)


async def _verify(pilot: Pilot[int], account: MemoryAccount) -> None:
    contact = next(each for each in await account.app.contacts.list() if each.name == "Grace")
    await _open("people.verify", peer_id=contact.peer_id, name=contact.name)(pilot, account)


WIDE: Final = (100, 30)
PICTURES: Final[dict[str, tuple[tuple[int, int], Theme, str, Act]]] = {
    "tui-chat": (WIDE, Theme.DARK, "en", _chat),
    "tui-chat-light": (WIDE, Theme.LIGHT, "es", _chat),
    "tui-small": ((40, 12), Theme.DARK, "en", _chat),
    "tui-palette": (WIDE, Theme.DARK, "en", _press("ctrl+p")),
    "tui-keys": (WIDE, Theme.DARK, "en", _press("f1")),
    "tui-code": ((80, 24), Theme.DARK, "en", _open("people.code")),
    "tui-requests": (WIDE, Theme.DARK, "en", _open("people.requests")),
    "tui-contact": (WIDE, Theme.DARK, "en", _contact),
    "tui-verify": ((80, 24), Theme.DARK, "en", _verify),
    "tui-network": (WIDE, Theme.DARK, "en", _open("account.network")),
    "tui-files": (WIDE, Theme.DARK, "en", _open("files.list")),
    "tui-settings": (WIDE, Theme.CONTRAST, "en", _open("account.settings")),
    "tui-lock": ((80, 24), Theme.DARK, "en", _press("ctrl+l")),
}
"""The pictures: size, theme, language, and what is done before each."""


async def _people(account: MemoryAccount) -> None:
    """Let some people have written something."""
    grace = account.befriend("Grace")
    grace.come_online()
    grace.write("The tide tables for the harbour came in this morning.")
    grace.write("High water is at 06:40, so we have to leave before five.")
    grace.offer("tides-2027.pdf", b"x" * 48_000)
    for text in ("Five it is. I bring the coffee.", "And the map ☕"):
        await account.app.messages.send("Grace", text)
    grace.receive(skip=0)
    grace.write("Then nothing can go wrong 🙂")
    account.befriend("Katherine").write("Did you read the draft?")
    account.befriend("نور").write("مرحبا! متى نلتقي؟")
    account.befriend("Joan").come_online()
    account.stranger("Hedy").ask("We met at the talk on spread spectrum.")
    account.stranger("Mileva").ask()
    contact = next(each for each in await account.app.contacts.list() if each.name == "Grace")
    number = await account.app.contacts.safety_number(contact.peer_id)
    await account.app.contacts.verify(contact.peer_id, number.safety_number)
    starting = ServiceState(phase=Phase.STARTING, percent=85, reason="loading relay descriptors")
    account.set_network(starting if "--starting" in sys.argv else ONLINE)


def _without_fonts(picture: str) -> str:
    """Return a picture that fetches nothing from elsewhere: letters are the reader's own."""
    return re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)


async def draw(only: tuple[str, ...]) -> dict[str, str]:
    """Return all pictures, or those that are named, by their names."""
    drawn: dict[str, str] = {}
    for name, (size, theme, language, act) in PICTURES.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as home:
            profiles = MemoryProfiles(Path(home))
            profile = profiles.profile()
            account = profile.make("Ada")
            profile.running = True
            await _people(account)
            clock.time = lambda account=account: account.world.now / 1000
            app = BalchatTui(profiles, TuiSettings(theme=theme), Texts(language))
            async with app.run_test(size=size) as pilot:
                while not (app.has_begun and app.account.connected):
                    await pilot.pause()
                await pilot.pause(0.5)
                await act(pilot, account)
                drawn[name] = _without_fonts(app.export_screenshot(title="balchat"))
    return drawn


def main() -> None:
    """Draw them into a folder."""
    shown = re.findall(r"images/(tui-[\w-]+)\.svg", (DOCS / "tui.md").read_text())
    folder, *names = [each for each in sys.argv[1:] if not each.startswith("-")] or [str(IMAGES), *shown]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, picture in asyncio.run(draw(tuple(names))).items():
        (Path(folder) / f"{name}.svg").write_text(picture, encoding="utf-8")
        print(f"{folder}/{name}.svg")


if __name__ == "__main__":
    main()
