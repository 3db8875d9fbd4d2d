"""Notifications at three levels, of what nobody looks at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from balchat_host.core import alarms, contacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext

    from balchat_host.testing.peer import Peer
    from conftest import World

RECORD = """
window.told = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, options) { window.told.push([title, options.body]); }
  close() {}
};
"""

GO_TO_SETTINGS = """() => {
  history.pushState({ params: {} }, "", "#/settings");
  dispatchEvent(new PopStateEvent("popstate"));
}"""
TOLD = """() => new Promise((done) => {
  const look = () => window.told.length ? done(window.told) : requestAnimationFrame(look);
  look();
})"""
"""What was told, once something was. `wait_for_function` would be kept from looking twice by the page's policy."""
KEY = "settings.ui_web.notifications"


@pytest.fixture(scope="module")
def bob(world: World) -> Peer:
    return world.befriend("Bob")


@pytest.fixture(scope="module")
def carol(world: World) -> Peer:
    return world.befriend("Carol")


@pytest.fixture(scope="module")
def told(
    world: World, bob: Peer, carol: Peer, new_context: Callable[..., BrowserContext], new_page: Callable[..., Page]
) -> Page:
    context = new_context()
    context.add_init_script(RECORD)
    # The account's clock is not the browser's.
    context.add_init_script("Date.now = () => 1800000000000 + performance.now()")
    page = new_page(world, context=context)
    page.locator(".app-list").get_by_role("button", name=re.compile("^Carol")).click()
    expect(page.get_by_role("textbox", name="Message to Carol")).to_be_visible()
    return page


def choose(page: Page, world: World, level: str) -> None:
    """Choose a level elsewhere, and wait until the page shows that it knows."""
    world.call("settings.set", key=KEY, value=level)
    page.evaluate(GO_TO_SETTINGS)
    expect(page.get_by_label("Notifications of this page")).to_have_value(level)
    page.go_back()
    expect(page.get_by_role("textbox", name="Message to Carol")).to_be_visible()


@pytest.mark.parametrize(
    ("level", "expected"),
    [("all", [["Bob", "Secret plans for all"]]), ("sender", [["Bob", "New message"]]), ("nothing", [])],
)
def test_three_levels(told: Page, world: World, bob: Peer, level: str, expected: list[list[str]]) -> None:
    choose(told, world, level)
    told.evaluate("window.told = []")
    world.write(bob, f"Secret plans for {level}")
    row = told.locator(".app-list").get_by_role("button", name=re.compile(f"^Bob, .*Secret plans for {level}"))
    expect(row).to_be_visible()
    assert told.evaluate("window.told") == expected
    assert "Secret" not in told.title()


def test_only_what_is_serious_is_said_to_be_wrong_with_the_keys(told: Page, world: World, bob: Peer) -> None:
    choose(told, world, "all")
    told.evaluate("window.told = []")
    for alarm in (alarms.on_set_up_again, alarms.on_foreign_message):
        world.do(world.account.change, lambda unit, alarm=alarm: alarm(unit, contacts.find(unit.tx, bob.peer_id)))
    assert told.evaluate(TOLD) == [["Something is wrong with your keys", "Bob"]]


def test_none_of_what_one_looks_at_nor_of_what_is_muted(told: Page, world: World, bob: Peer, carol: Peer) -> None:
    choose(told, world, "all")
    world.call("conversations.mute", conversation="Bob")
    expect(told.locator(".app-list").get_by_role("button", name=re.compile("^Bob, .*muted"))).to_be_visible()
    told.evaluate("window.told = []")
    world.write(carol, "You are looking")
    world.write(bob, "You did not want to know")
    expect(told.locator(".app-list").get_by_role("button", name=re.compile("not want to know"))).to_be_visible()
    assert told.evaluate("window.told") == []
