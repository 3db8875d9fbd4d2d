"""Texts of others: links ask before they open, nothing is hidden or turned round, and nothing in them ever runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from balchat_host.testing.peer import Peer
    from conftest import World


@pytest.fixture(scope="module")
def mallory(world: World) -> Peer:
    return world.befriend("Mallory")


@pytest.fixture
def chat(page: Page, world: World, mallory: Peer) -> Page:
    page.locator(".app-list").get_by_role("button", name=re.compile("^Mallory")).click()
    expect(page.get_by_role("textbox", name="Message to Mallory")).to_be_visible()
    return page


def last(page: Page) -> str:
    return page.locator(".message .text").last.inner_text()


def test_a_link_shows_its_host_in_ascii_and_asks_before_it_opens(chat: Page, world: World, mallory: Peer) -> None:
    opened: list[str] = []
    chat.context.on("page", lambda page: opened.append(page.url))
    world.write(mallory, "Look: https://xn--e1awd7f.com/a and https://аррӏе.com/login?next=bank.")
    chat.get_by_role("link", name="https://аррӏе.com/login?next=bank").click()
    question = chat.get_by_role("dialog", name="Open this link?")
    expect(question.get_by_text("xn--80ak6aa92e.com", exact=True)).to_be_visible()
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_have_count(0)
    assert opened == []


def test_markup_is_text(chat: Page, world: World, mallory: Peer) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    world.write(mallory, evil)
    expect(chat.locator(".message .text").last).to_have_text(evil)
    expect(chat.locator(".message img, .message script")).to_have_count(0)
    expect(chat).not_to_have_title("owned")


def test_an_address_that_runs_something_is_no_link(chat: Page, world: World, mallory: Peer) -> None:
    world.do(
        mallory.write_content,
        "text/markdown;variant=GFM-MIMI",
        b"[click](javascript:alert(1)) [data](data:text/html,hi) [fine](https://example.org)",
    )
    expect(chat.get_by_role("link", name="fine")).to_be_visible()
    expect(chat.get_by_role("link", name="click")).to_have_count(0)
    expect(chat.get_by_role("link", name="data")).to_have_count(0)


def test_what_turns_text_round_is_made_visible(chat: Page, world: World, mallory: Peer) -> None:
    world.write(mallory, "invoice\u202efdp.exe", "a\u0000b\u001b[31m")
    expect(chat.locator(".message .text").nth(-2)).to_have_text("invoice<U+202E>fdp.exe")
    expect(chat.locator(".message .text").last).to_contain_text("\u241b[31m")


def test_right_to_left_text_runs_that_way_and_changes_nothing_else(chat: Page, world: World, mallory: Peer) -> None:
    world.write(mallory, "مرحبا بالعالم 123", "left to right")
    right = chat.locator(".message .text > p").nth(-2)
    expect(right).to_have_css("direction", "rtl")
    expect(chat.locator(".message .text > p").last).to_have_css("direction", "ltr")


def test_a_very_long_message_is_cut_and_shown_whole_when_asked(chat: Page, world: World, mallory: Peer) -> None:
    world.write(mallory, "*a _b `c [d](" * 2_000)
    expect(chat.get_by_role("button", name="Show all")).to_be_visible()
    shown = len(last(chat))
    chat.get_by_role("button", name="Show all").click()
    expect(chat.get_by_role("button", name="Show all")).to_have_count(0)
    assert len(last(chat)) > shown


def test_a_hundred_marks_on_a_letter_stay_in_their_line(chat: Page, world: World, mallory: Peer) -> None:
    world.write(mallory, "z" + "\u0301" * 100 + "algo")
    expect(chat.locator(".message .text").last).to_contain_text("<96>algo")
