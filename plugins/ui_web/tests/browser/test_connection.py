"""The connection: a lost one is told, and afterwards nothing is missing, in any tab, and nothing was sent twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from balchat_host.api.types import ONLINE, Phase, ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.peer import Peer
    from conftest import World

RECONNECTING = "Reconnecting. What you see may be old."


@pytest.fixture(scope="module")
def bob(world: World) -> Peer:
    bob = world.befriend("Bob")
    world.write(bob, "Before.")
    return bob


@pytest.fixture
def chat(page: Page, bob: Peer) -> Page:
    page.locator(".app-list").get_by_role("button", name=re.compile("^Bob")).click()
    expect(page.get_by_role("article", name=re.compile("Before"))).to_be_visible()
    return page


def test_a_lost_connection_is_told_and_what_came_meanwhile_is_there_afterwards(
    chat: Page, world: World, bob: Peer, new_page: Callable[..., Page]
) -> None:
    other = new_page(world, context=chat.context)
    expect(other.locator(".app-list").get_by_role("button", name=re.compile("^Bob"))).to_be_visible()
    world.server.refuse()
    expect(chat.locator("main").get_by_text(RECONNECTING)).to_be_visible()
    expect(other.locator("main").get_by_text(RECONNECTING)).to_be_visible()
    world.write(bob, *(f"Meanwhile {number}" for number in range(30)))
    world.server.take_again()
    for tab in (chat, other):
        expect(tab.locator("main").get_by_text(RECONNECTING)).to_have_count(0)
        expect(tab.locator(".app-list").get_by_role("button", name=re.compile("Meanwhile 29"))).to_be_visible()
    expect(chat.locator(".messages").get_by_text(re.compile("^Meanwhile"))).to_have_count(30)
    other.close()


def test_what_was_typed_while_the_connection_was_lost_is_sent_once(chat: Page, world: World, bob: Peer) -> None:
    field = chat.get_by_role("textbox", name="Message to Bob")
    world.server.refuse()
    expect(chat.locator("main").get_by_text(RECONNECTING)).to_be_visible()
    field.fill("Only once")
    field.press("Enter")
    field.fill("And this since")
    world.server.take_again()
    expect(chat.get_by_role("alert").get_by_text(re.compile("The message was not sent"))).to_be_visible()
    expect(field).to_have_value("Only once\nAnd this since")
    field.fill("Only once")
    field.press("Enter")
    expect(chat.get_by_role("article", name=re.compile("Only once"))).to_be_visible()
    history = world.call("messages.history", conversation="Bob")
    assert [message.text for message in history].count("Only once") == 1


def test_the_state_of_the_network_is_in_sight_and_true(chat: Page, world: World, bob: Peer) -> None:
    state = chat.locator(".app-list .pane-foot")
    world.do(world.account.set_network, ServiceState(phase=Phase.STARTING, percent=45))
    expect(state).to_contain_text("45")
    world.do(world.account.set_network, ServiceState(phase=Phase.STOPPED))
    expect(state).not_to_contain_text("Online")
    world.do(world.account.set_network, ONLINE)
    expect(state).to_contain_text("Online")
    world.do(lambda: world.account.world.set_online(world.account, bob.core, online=True))
    expect(chat.locator(".chat-head .presence")).to_be_visible()
    world.do(lambda: world.account.world.set_online(world.account, bob.core, online=False))
    expect(chat.locator(".chat-head .presence")).to_have_count(0)


def test_another_window_reads_and_this_one_knows(
    chat: Page, world: World, bob: Peer, new_page: Callable[..., Page]
) -> None:
    carol = world.befriend("Carol")
    world.write(carol, "Have you seen this?")
    expect(chat.locator(".app-list").get_by_role("button", name=re.compile("^Carol, 1 unread message"))).to_be_visible()
    other = new_page(world, context=chat.context)
    other.locator(".app-list").get_by_role("button", name=re.compile("^Carol")).click()
    expect(chat.locator(".app-list").get_by_role("button", name=re.compile("^Carol, Have you"))).to_be_visible()
    other.close()


def test_a_removed_contact_leaves_with_its_conversation(chat: Page, world: World, bob: Peer) -> None:
    world.befriend("Dave")
    row = chat.locator(".app-list").get_by_role("button", name=re.compile("^Dave"))
    row.click()
    expect(chat.get_by_role("textbox", name="Message to Dave")).to_be_visible()
    world.call("contacts.remove", contact="Dave")
    expect(row).to_have_count(0)
    expect(chat.get_by_text("This conversation is no longer here")).to_be_visible()
