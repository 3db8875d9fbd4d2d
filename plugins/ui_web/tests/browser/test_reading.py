"""Reading: what is new stands out, what one reads stays in place, and everything can be found again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from balchat_host.testing.peer import Peer
    from conftest import World


@pytest.fixture(scope="module")
def bob(world: World) -> Peer:
    bob = world.befriend("Bob")
    world.write(bob, *(f"This is message number {number}." for number in range(1, 181)))
    return bob


@pytest.fixture(scope="module")
def carol(world: World, bob: Peer) -> Peer:
    return world.befriend("Carol")


def open_chat(page: Page, name: str) -> None:
    page.locator(".app-list").get_by_role("button", name=re.compile(f"^{name}")).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_attached()


def said(page: Page, text: str) -> Locator:
    """Return the message with a text."""
    return page.locator(".messages").get_by_text(text, exact=True)


def top_of(page: Page, text: str) -> float:
    """Return how far below the upper edge of the list a message stands, in whole pixels."""
    return round(
        said(page, text).evaluate(
            "e => e.getBoundingClientRect().top - e.closest('.messages').getBoundingClientRect().top"
        )
    )


def test_opens_above_what_is_unread_with_a_line(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    open_chat(page, "Bob")
    expect(page.get_by_text("Unread", exact=True)).to_be_in_viewport()
    expect(said(page, "This is message number 1.")).to_be_in_viewport()


def test_the_title_says_how_much_is_unread_and_nothing_else(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    world.write(carol, "Our secret is safe.")
    expect(page).to_have_title(re.compile(r"^\(\d+\) balchat$"))
    assert "Carol" not in page.url
    open_chat(page, "Carol")
    assert re.search(r"#/chat$", page.url)


def test_the_view_does_not_move_while_one_reads_back(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    open_chat(page, "Bob")
    page.get_by_role("button", name=re.compile("Go to the newest message")).click()
    expect(said(page, "This is message number 180.")).to_be_in_viewport()
    page.locator(".messages").evaluate("e => { e.scrollTop -= 900 }")
    middle = page.locator(".message:not(.own) .text").nth(-20).inner_text()
    said(page, middle).scroll_into_view_if_needed()
    before = top_of(page, middle)
    world.write(bob, "Something new.", "And something else.")
    expect(page.get_by_role("button", name="Go to the newest message, 2 unread")).to_be_visible()
    assert top_of(page, middle) == before
    # Earlier messages that are loaded above move it as little.
    page.locator(".messages").evaluate("e => { e.scrollTop = 400 }")
    expect(said(page, "This is message number 60.")).to_be_attached()
    page.get_by_role("button", name=re.compile("Go to the newest message")).click()
    expect(said(page, "And something else.")).to_be_in_viewport()


def test_what_one_sends_while_reading_back_is_in_sight(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    open_chat(page, "Bob")
    page.locator(".messages").evaluate("e => { e.scrollTop -= 900 }")
    expect(page.get_by_role("button", name=re.compile("Go to the newest message"))).to_be_visible()
    field = page.get_by_role("textbox", name="Message to Bob")
    field.fill("An answer.")
    field.press("Enter")
    expect(said(page, "An answer.")).to_be_in_viewport()


def test_what_is_typed_while_many_come_stands_and_the_view_follows(
    page: Page, world: World, bob: Peer, carol: Peer
) -> None:
    open_chat(page, "Carol")
    field = page.get_by_role("textbox", name="Message to Carol")
    field.press_sequentially("While")
    world.write(carol, *(f"Storm {number}." for number in range(40)))
    field.press_sequentially(" I write")
    expect(said(page, "Storm 39.")).to_be_in_viewport()
    expect(page.locator(".app-list").get_by_role("button", name=re.compile("^Carol"))).to_contain_text("Storm 39.")
    expect(field).to_have_value("While I write")
    assert page.locator(".messages .text", has_text="Storm").count() == 40
    field.fill("")


def test_back_to_the_first_message_and_to_the_last(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    open_chat(page, "Carol")
    open_chat(page, "Bob")
    box = page.locator(".messages")
    first = said(page, "This is message number 1.")
    for _ in range(20):
        box.evaluate("e => { e.scrollTop = 0 }")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if first.is_visible():
            break
    box.evaluate("e => { e.scrollTop = 0 }")
    expect(first).to_be_in_viewport()
    assert page.locator(".message").count() <= 220
    page.get_by_role("button", name=re.compile("Go to the newest message")).click()
    expect(said(page, "And something else.")).to_be_in_viewport()


def test_a_hit_opens_in_its_place(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    page.keyboard.press("Control+Shift+F")
    page.get_by_role("searchbox", name="Search everywhere").fill('"number 42"')
    page.get_by_role("button", name=re.compile("Bob.*This is message number 42")).click()
    expect(said(page, "This is message number 42.")).to_be_in_viewport()
    expect(said(page, "This is message number 41.")).to_be_in_viewport()
    expect(said(page, "This is message number 43.")).to_be_in_viewport()


def test_jump_to_a_day(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    world.do(world.account.world.pass_time, 20 * 86_400)
    world.write(bob, "Twenty days later.")
    open_chat(page, "Bob")
    page.get_by_role("button", name="Conversation menu").click()
    page.get_by_role("menuitem", name="Go to a day").click()
    page.get_by_label("Day", exact=True).fill("2027-01-15")
    page.get_by_role("button", name="Go there").click()
    expect(said(page, "This is message number 1.")).to_be_in_viewport()


def test_mark_as_unread(page: Page, world: World, bob: Peer, carol: Peer) -> None:
    open_chat(page, "Carol")
    row = page.locator(".app-list").get_by_role("button", name=re.compile("^Carol, 1 unread message"))
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Conversation menu").click()
    page.get_by_role("menuitem", name="Mark as unread").click()
    expect(row).to_be_visible()
    expect(page.get_by_role("heading", name="No conversation is open").first).to_be_attached()
