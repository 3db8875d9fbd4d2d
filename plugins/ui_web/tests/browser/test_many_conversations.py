"""A thousand conversations: only those in sight are drawn, and every one of them can be found and opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.support.staged_page import Staged, account

if TYPE_CHECKING:
    from playwright.sync_api import Page

COUNT = 1000
DRAWN = 40
"""At most so many rows are drawn in a window 800 pixels high: those in sight, and some above and below."""


@pytest.fixture(scope="module")
def stage() -> Staged:
    stage = Staged()
    model = next(each for each in stage.conversations if each.contact is not None)
    assert model.contact is not None
    contacts = [
        replace(model.contact, peer_id=f"{n:052}", name=f"Person {n}", conversation=f"{n:064}") for n in range(COUNT)
    ]
    stage.conversations = [
        replace(model, id=each.conversation, title=each.name, contact=each, last_message=None, draft="", unread=0)
        for each in contacts
    ]
    stage.answers["contacts.list"] = contacts
    stage.answers["messages.history"] = [account.conversation_with_marta()[0]]
    return stage


def rows(page: Page) -> Locator:
    return page.locator(".app-list .conversation")


def test_only_what_is_in_sight_is_drawn(played: Page) -> None:
    expect(rows(played).first).to_contain_text("Person 0")
    assert rows(played).count() <= DRAWN
    played.locator(".conversations").evaluate("e => { e.scrollTop = e.scrollHeight / 2 }")
    expect(rows(played).filter(has_text="Person 500")).to_be_in_viewport()
    assert rows(played).count() <= DRAWN


def test_a_screen_reader_hears_how_many_there_are(played: Page) -> None:
    row = played.locator(".app-list [aria-posinset]").first
    expect(row).to_have_attribute("aria-setsize", str(COUNT))


def test_end_and_home_reach_both_ends(played: Page) -> None:
    played.keyboard.press("Control+k")
    played.keyboard.press("ArrowDown")
    played.keyboard.press("End")
    expect(rows(played).filter(has_text="Person 999")).to_be_focused()
    played.keyboard.press("Home")
    expect(rows(played).filter(has_text="Person 0")).to_be_focused()


def test_each_is_found_and_opened(played: Page) -> None:
    played.keyboard.press("Control+k")
    played.keyboard.type("person 987")
    expect(rows(played)).to_have_count(1)
    played.keyboard.press("Enter")
    expect(played.get_by_role("heading", level=1)).to_have_text("Person 987")
    expect(rows(played).first).to_contain_text("Person 0")
    assert rows(played).count() <= DRAWN
