"""What a screen reader gets: a message is one sentence, what happens is said, and axe finds nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.peer import Peer
    from conftest import World


@pytest.fixture(scope="module")
def bob(world: World) -> Peer:
    bob = world.befriend("Bob")
    world.write(bob, "Are you there?")
    return bob


@pytest.fixture
def chat(page: Page, bob: Peer) -> Page:
    page.bring_to_front()
    page.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    expect(page.get_by_role("article", name=re.compile("Are you there"))).to_be_visible()
    return page


def test_a_message_is_one_sentence_with_its_state(chat: Page, world: World, bob: Peer) -> None:
    field = chat.get_by_role("textbox", name="Message to Bob")
    field.fill("Always.")
    field.press("Enter")
    expect(
        chat.get_by_role("article", name=re.compile(r"^You, \d\d:\d\d: Always\. Waiting to be sent$"))
    ).to_be_visible()
    expect(chat.get_by_role("article", name=re.compile(r"^Bob, \d\d:\d\d: Are you there\?$"))).to_be_visible()


def test_what_comes_is_said_and_so_is_that_something_arrived(chat: Page, world: World, bob: Peer) -> None:
    region = chat.get_by_role("log")
    world.write(bob, "Listen to this")
    expect(region).to_contain_text("Listen to this")
    world.do(bob.receive)
    expect(region).to_contain_text("Delivered")


def test_how_much_is_unread_is_said_before_what_it_is(page: Page, world: World, bob: Peer) -> None:
    world.write(world.befriend("Carol"), "One", "Two")
    expect(
        page.locator(".app-list").get_by_role("button", name=re.compile("^Carol, 2 unread messages, Two"))
    ).to_be_visible()


def test_landmarks(chat: Page) -> None:
    expect(chat.get_by_role("navigation", name="Conversations")).to_be_visible()
    expect(chat.get_by_role("main")).to_be_visible()
    chat.locator("body").evaluate("body => { body.tabIndex = -1; body.focus() }")
    chat.keyboard.press("Tab")
    expect(chat.get_by_role("button", name="Skip to the conversation")).to_be_focused()
    chat.keyboard.press("Enter")
    expect(chat.get_by_role("textbox", name="Message to Bob")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(world: World, bob: Peer, new_page: Callable[..., Page], scheme: str) -> None:
    page = new_page(world, color_scheme=scheme)
    page.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    expect(page.get_by_role("article", name=re.compile("Are you there"))).to_be_visible()
    found = {"chat": Axe().run(page).response["violations"]}
    page.get_by_role("article").last.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    found["menu"] = Axe().run(page).response["violations"]
    page.get_by_role("menuitem", name="Message details").click()
    expect(page.get_by_role("complementary")).to_be_visible()
    found["details"] = Axe().run(page).response["violations"]
    page.keyboard.press("Control+Shift+F")
    page.get_by_role("searchbox", name="Search everywhere").fill("there")
    expect(page.locator(".hit")).to_be_visible()
    found["search"] = Axe().run(page).response["violations"]
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog")).to_be_visible()
    found["keys"] = Axe().run(page).response["violations"]
    page.close()
    told = {
        place: [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in violations]
        for place, violations in found.items()
        if violations
    }
    assert told == {}
