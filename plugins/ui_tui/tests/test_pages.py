"""The pages on an account in memory: what a person sees and does, at both sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from balchat_texts import catalogue
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.keymap import groups, known
from balchat_ui_tui.main.actions import Show
from balchat_ui_tui.main.screen import MainScreen
from balchat_ui_tui.pages.tick import Tick
from balchat_ui_tui.settings import Pictures, Theme, TuiSettings
from textual import events

from balchat_host.api.types import Secret
from balchat_host.testing.app_kit import nobody as somebody
from balchat_host.testing.memory_profiles import MemoryProfiles
from tests.support.tui_terminal import ENGLISH, losing, shown

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount

pytestmark = pytest.mark.anyio
T = ENGLISH
PASSPHRASE = "correct horse battery staple"


def open_page(screen: Any, name: str, /, **arguments: object) -> None:
    screen.app.session.open_screen(OpenScreen(name, arguments), screen.app.session)


@pytest.fixture
def nobody(tmp_path: Path) -> MemoryProfiles:
    """A machine without an account."""
    return MemoryProfiles(tmp_path / "new")


async def test_a_newcomer_makes_an_account_keeps_the_code_and_is_online(nobody: MemoryProfiles) -> None:
    async with shown(nobody) as screen:
        await screen.shows(T("entry.create"), T("entry.restore"))
        await screen.press("enter")
        await screen.shows(T("entry.name"))
        await screen.type("Ada")
        await screen.press("tab")
        await screen.type("short")
        await screen.shows("too weak")
        await screen.type(" words that are long")
        await screen.shows(T("entry.passphrase-fine"))
        await screen.press("tab")
        await screen.type("short words that are long")
        await screen.press("enter")
        await screen.shows(T("entry.code-kept"))
        await screen.press("tab", "enter")
        await screen.shows(T("entry.code-not-kept"))
        assert not nobody.profile().running
        await screen.press("shift+tab", "space", "tab", "enter")
        await screen.shows("● Online")
        assert nobody.profile().account.name == "Ada"


async def test_an_account_that_stopped_is_started_by_its_passphrase_or_its_recovery_code(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    profiles.profile().running = False
    async with shown(profiles) as screen:
        await screen.shows(T("entry.passphrase"))
        await screen.type("guess")
        await screen.press("enter")
        await screen.shows(T("entry.wrong-passphrase"))
        await screen.press("ctrl+r")
        await screen.shows(T("entry.recovery-code"))
        await screen.type(alice.recovery_code.reveal().decode())
        await screen.press("enter")
        await screen.shows("● Online")


async def test_somebody_who_asks_becomes_a_contact(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.stranger("Hedy").ask("We met at the talk.")
    async with shown(profiles) as screen:
        open_page(screen, "people.requests")
        await screen.shows("Hedy", "We met at the talk.")
        await screen.press("a")
        await screen.shows(T("tui.no-requests"))
        assert [each.name for each in await alice.app.contacts.list()] == ["Hedy"]


async def test_one_adds_somebody_by_their_code_and_reads_what_is_wrong_with_another(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.stranger("Bob")
    async with shown(profiles) as screen:
        open_page(screen, "people.add")
        await screen.shows(T("people.code"))
        await screen.type("balchat:nonsense")
        await screen.press("tab", "tab", "enter")
        await screen.shows("This chat code cannot be right")
        field = screen.app.screen.query_one("#field-code")
        field.value = bob.code
        await screen.press("tab", "tab", "enter")
        await screen.until(lambda: "people.add" not in str(screen.app.screen) and len(screen.app.screen_stack) == 2)
        assert [each.name for each in await alice.app.contacts.list()] == ["Bob"]


async def test_the_own_code_is_drawn_black_on_white_at_eighty_by_twenty_four(profiles: MemoryProfiles) -> None:
    async with shown(profiles) as screen:
        open_page(screen, "people.code")
        await screen.shows("balchat:", "▀", "█")
        rows = [line for line in screen.lines if "█" in line]
        assert len(rows) >= 15


async def test_everything_is_found_in_the_palette(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob").write("hello")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("ctrl+p")
        await screen.type("about")
        await screen.press("enter")
        await screen.shows("Bob", T("people.verify"), T("people.not-verified"))
        await screen.press("escape", "ctrl+p")
        await screen.type("react emoji")
        await screen.press("enter")
        await screen.shows(T("chat.react"), "thumbsup")
        await screen.press("escape", "ctrl+p")
        await screen.type("network")
        await screen.press("enter")
        await screen.shows(T("network.device-onion"), T("states.phase.online"))


async def test_that_nothing_is_called_that_is_said_whole_in_a_narrow_window(profiles: MemoryProfiles) -> None:
    async with shown(profiles, size=(40, 12)) as screen:
        await screen.press("ctrl+p")
        await screen.type("xyz")
        await screen.shows("Nothing that can be done is called", " that.")


async def test_the_palette_is_for_the_conversation_that_opened_meanwhile(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.press("ctrl+p")
        await screen.shows(T("tui.palette"))
        [bob] = [each.id for each in screen.app.account.conversations if each.title == "Bob"]
        main = screen.app.screen_stack[1]
        assert isinstance(main, MainScreen)
        main.dispatch(Show(bob))
        await screen.type("verify")
        await screen.shows(T("people.verify"))


async def test_over_a_question_the_screen_can_be_locked_and_left(profiles: MemoryProfiles) -> None:
    async with shown(profiles) as screen:
        await screen.press("ctrl+p")
        await screen.shows(T("tui.palette"))
        await screen.press("f1")
        await screen.shows(T("keys.heading"))
        await screen.press("f1")
        await screen.shows(T("tui.palette"))
        await screen.press("ctrl+l")
        await screen.shows(T("settings.locked-heading"))
    async with shown(profiles) as screen:
        await screen.press("ctrl+p")
        await screen.shows(T("tui.palette"))
        await screen.press("ctrl+q")
        await screen.until(lambda: screen.app.return_value == 0)


async def test_a_contact_is_renamed_muted_and_removed_after_a_question(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    peer = alice.befriend("Bob").peer_id
    async with shown(profiles) as screen:
        open_page(screen, "people.contact", peer_id=peer)
        await screen.shows(T("people.rename"))
        screen.app.screen.query_one("OptionList").highlighted = _row(screen, "rename")
        await screen.press("enter")
        await screen.shows(T("people.what-name"))
        await screen.type("Bobby")
        await screen.press("enter")
        await screen.shows("Bobby")
        screen.app.screen.query_one("OptionList").highlighted = _row(screen, "remove")
        await screen.press("enter")
        await screen.shows("Bobby", "cannot be undone")
        await screen.press("enter")  # the button that changes nothing has the keyboard first
        await screen.shows(T("people.rename"))
        assert len(await alice.app.contacts.list()) == 1
        await screen.press("enter", "y")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        assert await alice.app.contacts.list() == []


def _row(screen: Any, name: str) -> int:
    return screen.app.screen.query_one("OptionList").get_option_index(name)


async def test_a_locked_screen_shows_nothing_and_opens_nothing_until_the_passphrase_is_typed(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.befriend("Bob")
    bob.write("Our secret")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("ctrl+l")
        await screen.shows(T("settings.locked-heading"), T("settings.unlock-screen"))
        bob.write("Still coming")
        await screen.press("escape", "f1", "ctrl+p", "ctrl+k", "alt+down")
        assert "secret" not in screen.text
        assert "Bob" not in screen.text
        await screen.type("guess")
        await screen.press("enter")
        await screen.shows(T("settings.wrong-passphrase"))
        await screen.type(PASSPHRASE)
        await screen.press("enter")
        await screen.shows("Our secret", "Still coming")


async def test_nothing_that_happens_opens_a_locked_screen(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    carol = alice.befriend("Carol")
    async with shown(profiles) as screen:
        await screen.open("Carol")
        open_page(screen, "people.contact", peer_id=bob.peer_id)
        await screen.shows(T("people.rename"))
        screen.app.show_notice("Bob is added")
        await screen.press("ctrl+l")
        await screen.shows(T("settings.locked-heading"))
        open_page(screen, "entry.recovery-code", code=Secret.from_text("AAAA-BBBB"))
        screen.app.show_notice("Bob is verified")
        await alice.app.contacts.remove("Bob")
        await screen.until(lambda: all(each.title != "Bob" for each in screen.app.account.conversations))
        await screen.pilot.pause()
        await screen.shows(T("settings.locked-heading"))
        assert "Bob" not in screen.text
        assert not list(screen.app._notifications)
        await screen.type(PASSPHRASE)
        await screen.press("enter")
        await screen.shows("AAAA-BBBB")
        assert [each.message for each in screen.app._notifications] == ["Bob is verified"]
        await screen.press("space", "tab", "enter")
        await screen.shows(f"Message to {carol.name}")


async def test_the_screen_can_be_locked_while_the_account_cannot_be_reached(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    alice.befriend("Bob").write("Our secret")
    profile = profiles.profile()
    lose = losing(profile)
    async with shown(profiles) as screen:
        await screen.shows("Our secret")
        lose()
        await screen.shows("The connection to balchat is lost")
        await screen.press("ctrl+l")
        await screen.shows(T("settings.locked-heading"))
        assert "secret" not in screen.text


async def test_a_setting_is_changed_and_says_what_it_is_for(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    async with shown(profiles) as screen:
        open_page(screen, "account.settings")
        await screen.shows("read_receipts", "Whether contacts learn what you have read.")
        screen.app.screen.query_one("OptionList").highlighted = _row(screen, "delivery.read_receipts")
        await screen.press("enter")
        await screen.until(lambda: re.search(r"read_receipts +off", screen.text))
    assert (await alice.app.settings.get("delivery.read_receipts")).value is False


async def test_a_pasted_path_is_offered_as_a_file_seen_before_it_is_sent_and_sent(
    profiles: MemoryProfiles, alice: MemoryAccount, tmp_path: Path
) -> None:
    bob = alice.befriend("Bob")
    source = tmp_path / "high tides.txt"
    source.write_text("06:40")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        screen.app.screen.focused.post_message(events.Paste(str(source).replace(" ", "\\ ")))
        await screen.shows("high tides.txt is a file")
        await screen.press("enter")
        await screen.shows(T("files.staging"), "high tides.txt · 5 B")
        assert bob.conversation == [], "nothing is sent before somebody says so"
        await screen.press("s")
        await screen.until(lambda: len(bob.conversation) == 1)
        assert [each.name for each in bob.conversation[0].files] == ["high tides.txt"]
        await screen.shows("high tides.txt")
        assert screen.app.screen.query_one("#composer").text == ""


async def test_a_file_is_fetched_and_a_copy_saved_under_a_name_that_nothing_had(
    profiles: MemoryProfiles, alice: MemoryAccount, tmp_path: Path
) -> None:
    bob = alice.befriend("Bob")
    offered = bob.offer("tides.txt", b"06:40")
    (tmp_path / "tides.txt").write_text("another")
    async with shown(profiles) as screen:
        open_page(screen, "files.list")
        await screen.shows("tides.txt", T("states.file.offered"))
        await screen.press("f")
        await screen.shows(T("states.file.fetching"))
        bob.hand_over(offered.id)
        await screen.shows(T("states.file.complete"))
        await screen.press("s")
        await screen.shows("Into which folder")
        screen.app.screen.query_one("Input").value = str(tmp_path)
        await screen.press("enter")
        await screen.until((tmp_path / "tides (1).txt").exists)
        assert (tmp_path / "tides (1).txt").read_text() == "06:40"
        assert (tmp_path / "tides.txt").read_text() == "another"


PAGES: dict[str, dict[str, object]] = {
    "account.backup": {},
    "account.network": {},
    "account.passphrase": {},
    "account.profiles": {},
    "account.recovery-code": {},
    "account.relays": {},
    "account.settings": {},
    "ask": {"question": "What?", "agree": "Yes"},
    "choose": {"question": "Which?", "answers": (("a", "A"), ("b", "B"))},
    "confirm": {"question": "Sure?", "agree": "Yes"},
    "entry.create": {},
    "entry.recover": {},
    "entry.restore": {},
    "entry.unlock": {},
    "files.list": {},
    "files.picture": {"file": "f", "name": "a.png"},
    "help": {},
    "lock": {},
    "palette": {},
    "people.add": {},
    "people.code": {},
    "people.requests": {},
    "qr": {"heading": "Number", "text": "12345"},
}


@pytest.mark.parametrize(("size", "theme"), [((80, 24), Theme.DARK), ((40, 12), Theme.ANSI)], ids=["large", "small"])
async def test_every_page_can_be_shown_and_left_at_both_sizes(
    profiles: MemoryProfiles, alice: MemoryAccount, size: tuple[int, int], theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    hostile = alice.stranger("Eve")
    hostile.ask("\x1b]0;title\x07 hello\x9b31m")
    async with shown(profiles, size=size, settings=TuiSettings(theme=theme)) as screen:
        for name, arguments in PAGES.items():
            depth = len(screen.app.screen_stack)
            open_page(screen, name, **arguments)
            await screen.until(lambda depth=depth: len(screen.app.screen_stack) == depth + 1)
            await screen.pilot.pause()
            assert all(line.replace("\n", "").isprintable() for line in screen.lines), name
            assert any(line.strip() for line in screen.lines), name
            screen.app.pop_screen()
            await screen.pilot.pause()


async def test_another_key_of_the_settings_does_it_and_the_help_says_so(profiles: MemoryProfiles) -> None:
    async with shown(profiles, settings=TuiSettings(keys={"app.help": "f4"})) as screen:
        await screen.press("f1")
        assert len(screen.app.screen_stack) == 2
        await screen.press("f4")
        await screen.shows(T("keys.heading"), "F4", "app.help", "Ctrl+K")


async def test_a_name_of_the_settings_that_no_key_has_is_said(profiles: MemoryProfiles) -> None:
    async with shown(profiles, settings=TuiSettings(keys={"app.hlep": "f4"})) as screen:
        await screen.until(lambda: any("app.hlep" in each.message for each in screen.app._notifications))


async def test_what_is_typed_after_a_tab_goes_to_the_next_field_however_fast_it_comes(nobody: MemoryProfiles) -> None:
    async with shown(nobody) as screen:
        await screen.press("enter")
        await screen.shows(T("entry.name"))
        for key in ("A", "tab", "s", "tab", "r"):
            screen.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await screen.until(lambda: [each.value for each in screen.app.screen.query("Input")] == ["A", "s", "r"])


async def test_the_account_is_shut_down_only_after_a_question(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    async with shown(profiles) as screen:
        await screen.shows("● Online")
        await screen.press("ctrl+p")
        await screen.shows(T("tui.palette"))
        await screen.type("shut down")
        await screen.shows(T("settings.shut-down"))
        await screen.press("enter")
        await screen.shows("Nothing is sent or received")
        assert not alice.ended
        await screen.press("y")
        await screen.until(lambda: alice.ended)


def test_every_key_says_what_it_does_and_each_id_is_one_thing() -> None:
    texts = catalogue("en")
    assert [name for name in known() if f"keys.{name}" not in texts] == []
    assert [heading for heading in groups() if heading not in texts] == []


async def test_what_is_typed_after_enter_goes_to_the_next_field_and_space_ticks_a_box(nobody: MemoryProfiles) -> None:
    async with shown(nobody) as screen:
        await screen.press("down", "enter")
        await screen.shows(T("entry.backup-path"))
        for key in ("a", "enter", "s", "tab", "space"):
            screen.app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else None))
        await screen.until(lambda: [each.value for each in screen.app.screen.query("Input")] == ["a", "s"])
        await screen.until(lambda: screen.app.screen.query_one(Tick).value)
        await screen.press("enter")
        await screen.shows("a: ")
        assert screen.app.screen.query_one(Tick).value, "Enter sends the form off, and ticks nothing"


async def test_in_a_low_window_a_list_of_choices_keeps_the_chosen_one_and_its_keys_in_sight(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    async with shown(profiles, size=(40, 12)) as screen:
        await screen.shows("Online")
        await screen.press("ctrl+p", *["down"] * 12)
        chosen = [line for line in screen.lines if "▌" in line]
        assert len(chosen) == 1
        assert T("tui.backup") in chosen[0]
        assert "Esc" in screen.lines[-2]
        await screen.press("escape", "f1")
        await screen.shows("F1  app.help", T("keys.app.help"))


async def test_the_page_of_relays_offers_what_can_be_done_with_those_there_are(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    async with shown(profiles) as screen:
        open_page(screen, "account.relays")
        await screen.shows("No relay is set up", T("keys.relays.add"))
        assert T("keys.relays.remove") not in screen.text
        assert alice.relays is not None
        alice.relays.use(somebody(5).onion)
        await screen.press("escape")
        open_page(screen, "account.relays")
        await screen.shows(
            T("keys.relays.add"), T("keys.relays.check"), T("keys.relays.default"), T("keys.relays.remove")
        )


async def test_where_nothing_uses_relays_their_page_says_so_and_offers_nothing(nobody: MemoryProfiles) -> None:
    nobody.profile().make("Ada", has_relays=False)
    nobody.profile().running = True
    async with shown(nobody) as screen:
        open_page(screen, "account.relays")
        await screen.shows("Relays are not in use here")
        for name in ("add", "check", "default", "remove"):
            assert f" {T(f'keys.relays.{name}')}" not in screen.lines[-1]


async def test_a_picture_is_asked_for_once(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    get = alice.app.files.picture
    monkeypatch.setattr(alice.app.files, "picture", lambda file, side: asked.append(file) or get(file, side))
    async with shown(profiles, settings=TuiSettings(pictures=Pictures.BLOCKS)) as screen:
        open_page(screen, "files.picture", file="f", name="a.png")
        await screen.shows("a.png", "no file")
    assert asked == ["f"]
