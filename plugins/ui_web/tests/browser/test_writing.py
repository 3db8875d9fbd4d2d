"""Writing: drafts, keys, emoji, mentions, replies, edits, reactions; what was sent says how far it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from balchat_host.core.messages import expiry

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.peer import Peer
    from conftest import World


@pytest.fixture(scope="module")
def bob(world: World) -> Peer:
    bob = world.befriend("Bob")
    world.write(bob, "Are you there?")
    return bob


@pytest.fixture(scope="module")
def carol(world: World, bob: Peer) -> Peer:
    return world.befriend("Carol")


@pytest.fixture
def field(page: Page, bob: Peer, carol: Peer) -> Locator:
    """The field of the conversation with Bob, empty."""
    page.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    field = page.get_by_role("textbox", name="Message to Bob")
    field.fill("")
    return field


def texts(world: World) -> list[str | None]:
    return [message.text for message in world.call("messages.history", conversation="Bob")]


def test_enter_sends_and_the_other_keys_break_the_line(page: Page, world: World, field: Locator) -> None:
    field.press_sequentially("One")
    for key in ("Shift+Enter", "Alt+Enter", "Control+j"):
        field.press(key)
        field.press_sequentially("more")
    expect(field).to_have_value("One\nmore\nmore\nmore")
    field.press("Enter")
    expect(page.get_by_role("article", name=re.compile("You.*One more more more"))).to_be_visible()
    expect(field).to_have_value("")
    assert texts(world)[-1] == "One\nmore\nmore\nmore"


@pytest.mark.parametrize("enter", [{"isComposing": True}, {"keyCode": 229}], ids=["composing", "safari"])
def test_enter_that_ends_a_composition_does_not_send(
    page: Page, world: World, field: Locator, enter: dict[str, object]
) -> None:
    before = texts(world)
    field.fill("日本")
    field.dispatch_event("keydown", {"key": "Enter", "code": "Enter", "cancelable": True, **enter})
    expect(field).to_have_value("日本")
    field.press("Shift+Enter")
    expect(field).to_have_value("日本\n")
    assert texts(world) == before


def test_enter_breaks_the_line_for_who_wants_that(page: Page, world: World, field: Locator) -> None:
    world.call("settings.set", key="settings.ui_web.enter_sends", value=False)
    before = texts(world)
    expect(field).to_have_attribute("aria-keyshortcuts", "Control+Enter")
    field.press_sequentially("One")
    field.press("Enter")
    field.press_sequentially("two")
    expect(field).to_have_value("One\ntwo")
    assert texts(world) == before
    field.press("Control+Enter")
    expect(page.get_by_role("article", name=re.compile("You.*One two"))).to_be_visible()
    world.call("settings.reset", key="settings.ui_web.enter_sends")
    expect(field).to_have_attribute("aria-keyshortcuts", "Enter")


def test_what_is_pasted_is_not_sent(page: Page, world: World, field: Locator) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    before = texts(world)
    page.evaluate("navigator.clipboard.writeText('first line\\nsecond line\\n')")
    field.press("Control+v")
    expect(field).to_have_value("first line\nsecond line\n")
    assert texts(world) == before


def test_a_draft_survives_switching_and_a_new_window(
    page: Page, world: World, field: Locator, new_page: Callable[..., Page]
) -> None:
    field.fill("Not finished yet")
    page.locator(".app-list").get_by_role("button", name=re.compile("^Carol")).click()
    page.get_by_role("textbox", name="Message to Carol").fill("For Carol")
    row = page.locator(".app-list").get_by_role("button", name=re.compile("^Bob, .*Draft, Not finished yet"))
    expect(row).to_be_visible()
    row.click()
    expect(field).to_have_value("Not finished yet")
    page.reload()
    expect(field).to_have_value("Not finished yet")
    other = new_page(world)
    other.locator(".app-list").get_by_role("button", name=re.compile("^Carol, Draft, For Carol")).click()
    expect(other.get_by_role("textbox", name="Message to Carol")).to_have_value("For Carol")
    other.close()


def test_up_edits_the_last_message_and_keeps_the_draft(page: Page, world: World, field: Locator) -> None:
    field.fill("Helo")
    field.press("Enter")
    expect(page.get_by_role("article", name=re.compile("You.*Helo"))).to_be_visible()
    field.press("ArrowUp")
    expect(page.get_by_text("Editing the message")).to_be_visible()
    expect(field).to_have_value("Helo")
    field.press("Escape")
    expect(field).to_have_value("")
    field.press("ArrowUp")
    field.fill("Hello")
    field.press("Enter")
    edited = page.get_by_role("article", name=re.compile("You.*Hello.*edited"))
    expect(edited).to_be_visible()
    edited.press("Enter")
    page.get_by_role("menuitem", name="Message details").click()
    details = page.get_by_role("complementary")
    expect(details.get_by_text("Helo", exact=True)).to_be_visible()
    expect(details.get_by_text("Hello", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(details).to_have_count(0)


def test_emoji_by_short_names_the_recent_ones_first(page: Page, world: World, field: Locator) -> None:
    field.press_sequentially("Good :thu")
    expect(page.get_by_role("option").first).to_contain_text(":thumbsup:")
    field.press("ArrowDown")
    field.press("Tab")
    expect(field).to_have_value("Good 👎 ")
    field.press_sequentially(":thu")
    expect(page.get_by_role("option").first).to_contain_text(":thumbsdown:")
    field.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(field).to_have_value("Good 👎 :thu")


def test_a_mention_is_completed_and_shown_as_one(page: Page, world: World, field: Locator) -> None:
    field.press_sequentially("Ask @Bo")
    field.press("Enter")
    expect(field).to_have_value("Ask @Bob ")
    field.press("Enter")
    expect(page.locator(".mention", has_text="@Bob")).to_be_visible()


def test_a_reply_shows_what_it_answers_and_leads_there(page: Page, world: World, field: Locator) -> None:
    page.get_by_role("article", name=re.compile("^Bob.*Are you there")).press("r")
    expect(page.get_by_text("Replying to Bob")).to_be_visible()
    expect(field).to_be_focused()
    field.fill("Always.")
    field.press("Enter")
    answer = page.get_by_role("article", name=re.compile("Always\\. In reply to Bob: Are you there"))
    expect(answer).to_be_visible()
    answer.get_by_role("button", name="Go to the message that this one answers").click()
    expect(page.get_by_role("article", name=re.compile("^Bob.*Are you there"))).to_be_focused()


def test_react_and_take_it_back(page: Page, world: World, field: Locator) -> None:
    page.get_by_role("article", name=re.compile("^Bob.*Are you there")).press("e")
    page.get_by_role("textbox", name="Search emoji").fill("tada")
    page.keyboard.press("Enter")
    reaction = page.get_by_role("button", name="🎉, 1 reaction")
    expect(reaction).to_be_visible()
    reaction.click()
    expect(reaction).to_have_count(0)


def test_a_message_says_how_far_it_is(page: Page, world: World, field: Locator, bob: Peer) -> None:
    field.fill("How far?")
    field.press("Enter")
    expect(page.get_by_role("article", name=re.compile("How far.*Waiting to be sent"))).to_be_visible()
    world.do(bob.receive)
    expect(page.get_by_role("article", name=re.compile("How far.*Delivered"))).to_be_visible()
    world.do(bob.read)
    expect(page.get_by_role("article", name=re.compile("How far.*Read"))).to_be_visible()


def test_a_failure_says_why_in_the_list_too_and_is_tried_again(
    page: Page, world: World, field: Locator, bob: Peer
) -> None:
    field.fill("Too much?")
    field.press("Enter")
    expect(page.get_by_role("article", name=re.compile("Too much.*Waiting"))).to_be_visible()
    world.do(bob.refuse, "storage-full")
    expect(page.get_by_role("article", name=re.compile("Too much.*Not delivered: "))).to_be_visible()
    expect(page.locator(".app-list").get_by_role("button", name=re.compile("^Bob, .*Not delivered"))).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("article", name=re.compile("Too much.*Waiting"))).to_be_visible()
    expect(page.locator(".app-list").get_by_role("button", name=re.compile("^Bob, .*Not delivered"))).to_have_count(0)
    world.do(bob.receive)


def test_delete_for_everybody_leaves_a_trace(page: Page, world: World, field: Locator) -> None:
    field.fill("Never mind")
    field.press("Enter")
    page.get_by_role("article", name=re.compile("You.*Never mind")).press("Enter")
    page.get_by_role("menuitem", name="Delete for everybody").click()
    expect(page.get_by_role("dialog")).to_contain_text("It has not left yet")
    page.get_by_role("dialog").get_by_role("button", name="Delete for everybody").click()
    expect(page.get_by_role("article", name=re.compile("You.*Message deleted"))).to_be_visible()
    expect(page.get_by_text("Never mind")).to_have_count(0)


def test_messages_expire_and_the_conversation_says_so(page: Page, world: World, field: Locator, bob: Peer) -> None:
    page.get_by_role("button", name="Conversation menu").click()
    page.get_by_role("menuitem", name="Expiring messages").click()
    page.get_by_role("dialog").get_by_role("button", name="1 hour").click()
    expect(page.locator(".note", has_text="You: messages expire 1 hour after they are read")).to_be_visible()
    field.fill("Soon gone")
    field.press("Enter")
    expect(page.get_by_role("article", name=re.compile("Soon gone. Expires"))).to_be_visible()
    world.do(bob.receive)
    world.do(bob.read)
    world.do(world.account.world.pass_time, 7200)
    world.do(world.account.change, lambda unit: expiry.check(unit, up=7_200_000))
    expect(page.get_by_text("Soon gone")).to_have_count(0)


def test_one_message_is_copied_bare_and_many_with_time_and_author(
    page: Page, world: World, field: Locator, bob: Peer
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    world.write(bob, "First of two", "Second of two")
    one = page.get_by_role("article", name=re.compile("^Bob.*First of two"))
    two = page.get_by_role("article", name=re.compile("^Bob.*Second of two"))
    one.press("Control+c")
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "First of two"
    two.press("Space")
    one.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("toolbar").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("toolbar")).to_have_count(0)
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [re.sub(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d\] ", "", line) for line in copied] == [
        "Bob: First of two",
        "Bob: Second of two",
    ]
    assert all(line.startswith("[") for line in copied)


def test_notes_to_oneself(page: Page, world: World, field: Locator) -> None:
    page.locator(".app-list").get_by_role("button", name=re.compile("^Notes to self")).click()
    notes = page.get_by_role("textbox", name=re.compile("^Message to"))
    notes.fill("Buy milk")
    notes.press("Enter")
    expect(page.get_by_role("article", name=re.compile("Buy milk"))).to_be_visible()
