"""Everything by keyboard: conversations, search, the ladder of Esc, messages, and a sheet that says which keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from conftest import World


@pytest.fixture(scope="module")
def keys(world: World, page: Page) -> Page:
    for name in ("Carol", "Bob"):
        world.write(world.befriend(name), f"{name} one", f"{name} two", f"{name} three")
    expect(page.locator(".app-list").get_by_role("button", name=re.compile("^Carol"))).to_be_visible()
    expect(page.locator(".app-list").get_by_role("button", name=re.compile("^Bob"))).to_be_visible()
    return page


def open_now(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_alt_and_arrows_go_from_one_conversation_to_the_next(keys: Page) -> None:
    keys.keyboard.press("Alt+ArrowDown")
    expect(keys.get_by_role("heading", level=1)).to_have_text("Bob")
    expect(keys.get_by_role("textbox", name="Message to Bob")).to_be_focused()
    keys.keyboard.press("Alt+ArrowDown")
    expect(keys.get_by_role("heading", level=1)).to_have_text("Carol")
    keys.keyboard.press("Alt+ArrowUp")
    expect(keys.get_by_role("heading", level=1)).to_have_text("Bob")


def test_control_k_finds_a_conversation(keys: Page) -> None:
    keys.keyboard.press("Control+k")
    expect(keys.get_by_role("searchbox", name="Search")).to_be_focused()
    keys.keyboard.type("CÁR")
    expect(keys.locator(".app-list .conversation")).to_have_count(1)
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("heading", level=1)).to_have_text("Carol")
    expect(keys.get_by_role("searchbox", name="Search")).to_have_value("")


def test_the_list_is_one_stop_and_arrows_move_in_it(keys: Page) -> None:
    keys.keyboard.press("Control+k")
    keys.keyboard.press("ArrowDown")
    expect(keys.locator(".conversation").nth(0)).to_be_focused()
    keys.keyboard.press("ArrowDown")
    expect(keys.locator(".conversation").nth(1)).to_be_focused()
    keys.keyboard.press("End")
    expect(keys.locator(".conversation").last).to_be_focused()
    expect(keys.locator(".conversation[tabindex='0']")).to_have_count(1)


def test_messages_are_gone_through_with_arrows(keys: Page) -> None:
    keys.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    field = keys.get_by_role("textbox", name="Message to Bob")
    expect(keys.get_by_role("article")).to_have_count(3)
    last = keys.get_by_role("article").last
    last.focus()
    keys.keyboard.press("ArrowUp")
    expect(keys.get_by_role("article", name=re.compile("Bob two"))).to_be_focused()
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("menuitem", name="Reply")).to_be_visible()
    keys.keyboard.press("Escape")
    expect(keys.get_by_role("article", name=re.compile("Bob two"))).to_be_focused()
    keys.keyboard.press("ArrowDown")
    keys.keyboard.press("ArrowDown")
    expect(field).to_be_focused()


def test_escape_goes_up_one_step_at_a_time(keys: Page) -> None:
    keys.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    keys.get_by_role("article").last.press("r")
    field = keys.get_by_role("textbox", name="Message to Bob")
    field.press_sequentially(":smi")
    expect(keys.get_by_role("listbox")).to_be_visible()
    keys.keyboard.press("Escape")
    expect(keys.get_by_role("listbox")).to_have_count(0)
    expect(keys.get_by_text("Replying to Bob")).to_be_visible()
    keys.keyboard.press("Escape")
    expect(keys.get_by_text("Replying to Bob")).to_have_count(0)
    expect(field).to_have_value(":smi")
    field.fill("")
    keys.keyboard.press("Escape")
    expect(keys.get_by_role("heading", name="No conversation is open").first).to_be_attached()


def test_a_sheet_says_which_keys_there_are(keys: Page) -> None:
    keys.keyboard.press("Control+/")
    sheet = keys.get_by_role("dialog", name="Keyboard")
    expect(sheet.get_by_text("Previous conversation")).to_be_visible()
    expect(sheet.get_by_text("Ctrl + K")).to_be_visible()
    keys.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
