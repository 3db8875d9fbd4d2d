"""The pages of the account: settings that hold at once or say why not, the network as it is, relays, leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.staged_page import Refusal, Staged, account
from tests.support.staged_page.screens import go

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(autouse=True)
def _nothing_called(stage: Staged) -> None:
    stage.calls.clear()


def called(stage: Staged, method: str) -> list[dict[str, Any]]:
    return [params for name, params in stage.calls if name == method]


def has(stage: Staged, key: str, **changes: Any) -> None:
    """Have a setting be otherwise from now on."""
    stage.settings = [replace(each, **changes) if each.key == key else each for each in stage.settings]
    stage.tell("settings.watch", stage.settings)


def test_a_setting_holds_at_once_and_the_page_looks_so(stage: Staged, played: Page):
    go(played, stage, "settings")
    stage.answers["settings.set"] = account.SETTINGS[0]
    played.get_by_label("Theme").select_option(label="Dark")
    has(stage, "settings.ui_web.theme", value="dark")
    expect(played.locator("html")).to_have_attribute("data-theme", "dark")
    assert called(stage, "settings.set") == [{"key": "settings.ui_web.theme", "value": "dark"}]
    has(stage, "settings.ui_web.contrast", value="more")
    expect(played.locator("html")).to_have_attribute("data-contrast", "more")
    has(stage, "settings.ui_web.theme", value="auto")
    has(stage, "settings.ui_web.contrast", value="auto")
    expect(played.locator("html[data-theme]")).to_have_count(0)


def test_a_setting_that_was_refused_stands_as_it_is(stage: Staged, played: Page):
    go(played, stage, "settings")
    stage.answers["settings.set"] = Refusal("bad-input", what="settings.ui_web.lock_minutes", problem="it is too large")
    field = played.get_by_label("Lock the screen automatically")
    field.fill("99999")
    field.press("Enter")
    expect(played.get_by_role("alert")).to_contain_text("it is too large")
    expect(field).to_have_value("15")


def test_a_setting_says_what_stands_in_the_way_of_it(stage: Staged, played: Page):
    go(played, stage, "settings")
    locked = played.get_by_label("Lock the account when it is not used")
    expect(locked).to_be_disabled()
    expect(played.locator(".setting").filter(has=locked)).to_contain_text("Fixed by this machine's configuration")
    expect(played.get_by_text("Takes effect after a restart")).to_be_visible()


def test_the_language_is_another_at_once(stage: Staged, played: Page):
    go(played, stage, "settings")
    stage.tell("web.watch", account.WEB_STATE | {"language": "es"})
    expect(played.get_by_role("heading", name="Ajustes", level=1)).to_be_visible()
    expect(played.locator("html")).to_have_attribute("lang", "es")
    stage.tell("web.watch", account.WEB_STATE)
    expect(played.get_by_role("heading", name="Settings", level=1)).to_be_visible()


def test_the_network_is_shown_as_it_is(stage: Staged, played: Page):
    go(played, stage, "network")
    state = played.get_by_role("button", name="Connection:")
    stage.tell("status.watch", account.STARTING)
    expect(state).to_contain_text("Connecting to Tor")
    expect(state).to_contain_text("45 %")
    tor = played.get_by_role("main").get_by_role("listitem").filter(has_text="Tor network")
    expect(tor.get_by_role("progressbar")).to_have_attribute("value", "45")
    expect(tor).to_contain_text("Loading relay descriptors")
    # Tor is there, and one relay of ours is not: that is not "online".
    stage.tell("status.watch", account.status(transports=account.STARTING.transports))
    expect(state).to_contain_text("starting the ways to others")
    stage.tell("status.watch", account.status())
    expect(state).to_contain_text("Online")


def test_a_relay_is_added_checked_and_removed(stage: Staged, played: Page):
    go(played, stage, "relays")
    stage.answers |= {
        "relays.add": Refusal("relay-unusable", problem="it does not answer", remedy=""),
        "relays.check": account.RELAYS[0],
    }
    address = played.get_by_label("Address of the relay")
    address.fill(f"Take this one: balchat-relay:{account.RELAYS[0].onion}.")
    played.get_by_role("button", name="Add the relay").click()
    expect(address).to_have_attribute("aria-invalid", "true")
    assert called(stage, "relays.add") == [{"address": f"balchat-relay:{account.RELAYS[0].onion}"}]
    menu = played.get_by_role("button", name="More about the relay").first
    menu.click()
    played.keyboard.press("ArrowDown")
    played.keyboard.press("ArrowUp")
    played.keyboard.press("Enter")
    expect(played.get_by_text("The relay has answered.")).to_be_visible()
    expect(menu).to_be_focused()
    assert called(stage, "relays.check") == [{"relay": account.RELAYS[0].onion}]
    menu.click()
    played.get_by_role("menuitem", name="Remove").click()
    played.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert called(stage, "relays.remove") == []


NOTIFICATIONS = """() => {
    window.shown = [];
    window.Notification = class {
        static permission = "granted";
        constructor(title, { body }) { window.shown.push(`${title}: ${body}`); }
        close() {}
    };
}"""


@pytest.mark.parametrize(
    ("level", "shown"),
    [("all", ["Sofía Álvarez: Are you there, all?"]), ("sender", ["Sofía Álvarez: New message"]), ("nothing", [])],
)
def test_notifications_say_as_much_as_the_person_wants(stage: Staged, played: Page, level: str, shown: list[str]):
    """Behaviour 12: three levels, and nothing of a conversation that is muted."""
    go(played, stage, "network")
    played.evaluate(NOTIFICATIONS)
    has(stage, "settings.ui_web.notifications", value=level)
    for contact in (account.CONTACTS[4], account.CONTACTS[5]):
        stage.receive(account.received(contact, f"Are you there, {level}?"))
    row = (
        played.get_by_role("list", name="Conversations")
        .get_by_role("button")
        .filter(has_text=f"Are you there, {level}?")
    )
    expect(row.first).to_be_visible()
    expect(row).to_have_count(2)
    assert played.evaluate("window.shown") == shown


def test_locking_is_not_shutting_down(stage: Staged, played: Page):
    """Behaviour 22: the screen is locked at once; the account ends only where the person agrees."""
    played.get_by_role("button", name="Account menu").click()
    played.get_by_role("menuitem", name="Shut down the account").click()
    dialog = played.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is sent or received until it is unlocked")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert called(stage, "account.shut_down") == []
    played.get_by_role("button", name="Account menu").click()
    with played.expect_request("**/lock") as asked:
        played.get_by_role("menuitem", name="Lock the screen").click()
    assert asked.value.method == "POST"


def test_all_of_the_page_turns_round_where_text_runs_from_right_to_left(stage: Staged, played: Page):
    go(played, stage, "contact")
    before = {name: played.locator(name).bounding_box() for name in (".app-list", ".app-side")}
    played.evaluate("document.documentElement.dir = 'rtl'")
    after = {name: played.locator(name).bounding_box() for name in (".app-list", ".app-side")}
    # A text from the left is cut where it ends, and begins at the same side as the others.
    said = played.locator(".conversation-line > .one-line").first
    expect(said).to_have_css("direction", "ltr")
    expect(said).to_have_css("text-align", "right")
    played.evaluate("document.documentElement.dir = 'ltr'")
    width = played.viewport_size["width"] if played.viewport_size else 0
    for name, box in before.items():
        turned = after[name]
        assert box
        assert turned
        assert turned["x"] == pytest.approx(width - box["x"] - box["width"], abs=1)


def test_forced_colours_leave_lines_where_grounds_told(stage: Staged, played: Page):
    go(played, stage, "contact")
    played.emulate_media(forced_colors="active")
    open_row = played.locator(".conversation[aria-current=true]")
    assert open_row.evaluate("(row) => getComputedStyle(row).outlineStyle") == "solid"
    assert played.locator(".card").first.evaluate("(card) => getComputedStyle(card).borderTopStyle") == "solid"
    played.emulate_media(forced_colors="none")


def test_nothing_moves_for_who_wants_nothing_to_move(stage: Staged, played: Page):
    go(played, stage, "contact")
    played.get_by_role("button", name="Block").click()
    expect(played.get_by_role("dialog")).to_be_visible()
    moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
    assert played.evaluate(moving) == 0
    played.keyboard.press("Escape")
