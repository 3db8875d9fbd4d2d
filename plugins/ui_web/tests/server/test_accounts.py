"""The account behind the page: made, unlocked, ended and come back, chosen among others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_web.web_socket import TRIES_A_SECRET

from balchat_host.api.errors import RunningElsewhere
from balchat_host.api.types import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Served, Wire

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct horse battery staple"  # nothing is behind it


def octets(secret: str) -> dict[str, str]:
    """Return a secret as it crosses the wire."""
    return {"octets": base64.b64encode(secret.encode()).decode()}


async def states(wire: Wire, last: str) -> list[str]:
    """Return how the account was, from the next state that is told to the one called `last`."""
    seen: list[str] = []
    while last not in seen:
        state: dict[str, Any] = await wire.value()
        if state["account"] not in seen[-1:]:
            seen.append(state["account"])
    return seen


async def test_an_account_is_made_and_started_and_answers(serve: Callable[..., Served]) -> None:
    async with serve().live(up=False) as served, served.window() as window, window.connected() as wire:
        await served.until(lambda: served.server.account.state().account == "none")
        assert await wire.ask("account.code") == "not-running"
        assert await wire.ask("web.check_passphrase", passphrase="short") == "weak-passphrase"
        assert await wire.ask("web.check_passphrase", passphrase=PASSPHRASE) is None
        assert await wire.ask("web.check_name", name=" Ada ") == "Ada"
        assert await wire.ask("web.create", name="Ada", passphrase="short") == "weak-passphrase"
        made = await wire.ask("web.create", name="Ada", passphrase=PASSPHRASE)
        assert Secret.from_text(made["recovery_code"]) == served.account.recovery_code
        assert await wire.ask("web.create", name="Eve", passphrase=PASSPHRASE) == "account-exists"
        await wire.say("web.watch")
        assert await wire.ask("web.start", secret="wrong") == "wrong-secret"
        assert (await wire.ask("web.start", secret=PASSPHRASE))["account"] == "running"
        assert (await wire.ask("account.code"))["name"] == "Ada"
        assert (await states(wire, "running"))[-2:] == ["starting", "running"]


async def test_the_recovery_code_starts_it_too(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await served.end()
        code = served.account.recovery_code.reveal().decode()
        assert await wire.ask("web.start", secret=code) == "wrong-secret"
        assert (await wire.ask("web.start", secret=code, slot="recovery-code"))["account"] == "running"


async def test_whoever_guesses_the_passphrase_has_to_wait(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await served.end()
        for _ in range(3):
            assert await wire.ask("web.start", secret="wrong") == "wrong-secret"
        assert await wire.ask("web.start", secret=PASSPHRASE) == "wait"
        served.clock.now += 2
        assert (await wire.ask("web.start", secret=PASSPHRASE))["account"] == "running"


def test_whatever_is_given_a_secret_is_slowed() -> None:
    taken = {"account.verify_passphrase", "account.change_passphrase", "account.renew_recovery_code"}
    assert taken == TRIES_A_SECRET


@pytest.mark.parametrize("method", sorted(TRIES_A_SECRET))
async def test_no_call_of_the_account_is_a_way_around_the_wait(serve: Callable[..., Served], method: str) -> None:
    wrong = {
        "account.verify_passphrase": {"passphrase": octets("wrong one")},
        "account.change_passphrase": {"old": octets("wrong one"), "new": octets(PASSPHRASE)},
        "account.renew_recovery_code": {"passphrase": octets("wrong one")},
    }[method]
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        for _ in range(3):
            assert await wire.ask(method, **wrong) == "wrong-secret"
        assert await wire.ask(method, **wrong) == "wait"
        # One count for all of them, and for the lock of the screen.
        assert await wire.ask("account.verify_passphrase", passphrase=octets(PASSPHRASE)) == "wait"
        await window.status("POST", "/lock")
        body = {"bearer": window.bearer, "passphrase": PASSPHRASE}
        assert await window.status("POST", "/session", json=body) == 429
        served.clock.now += 2
        assert await window.status("POST", "/session", json=body) == 200


async def test_a_right_passphrase_ends_the_count(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        for _ in range(2):
            for _ in range(2):
                assert await wire.ask("account.verify_passphrase", passphrase=octets("wrong one")) == "wrong-secret"
            assert await wire.ask("account.verify_passphrase", passphrase=octets(PASSPHRASE)) is None


async def test_an_account_that_ends_and_comes_back_is_told_of_and_asked_again(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await wire.say("web.watch")
        follow = await wire.say("events.follow")
        for _ in range(2):
            await served.end()
            assert (await states(wire, "stopped"))[-1] == "stopped"
            assert await wire.ask("events.cursor") == "not-running"
            await served.start()
            assert (await states(wire, "running"))[-1] == "running"
            assert await wire.ask("events.cursor") >= 0
        assert any(each.get("id") == follow and "error" in each for each in wire.answers)


async def test_shutting_it_down_ends_the_account_and_not_the_page(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        assert isinstance(await wire.ask("account.shut_down"), int)
        await served.until(lambda: served.server.account.app is None)
        assert (await wire.ask("web.state"))["account"] == "stopped"


async def test_one_that_cannot_be_reached_says_why(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await served.end()
        served.profile.unreachable = RunningElsewhere(directory="/run/x")
        await served.server.account.look()
        await served.until(lambda: served.server.account.state().account == "unreachable")
        assert (await wire.ask("web.state"))["error"]["code"] == "running-elsewhere"
        assert await wire.ask("events.cursor") == "running-elsewhere"


async def test_another_profile_is_shown_to_all_windows(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        other = served.profiles.profile("work").make("Alice at work")
        assert (await wire.ask("web.choose", profile="work"))["profile"] == "work"
        assert await wire.ask("account.code") == "not-running"
        await served.until(lambda: len(served.server.account.state().profiles) == 2)
        assert [each["name"] for each in (await wire.ask("web.state"))["profiles"]] == ["default", "work"]
        secret = other.passphrase.reveal().decode()
        assert (await wire.ask("web.start", secret=secret))["account"] == "running"
        assert (await wire.ask("account.code"))["name"] == "Alice at work"
        await wire.ask("web.choose", profile="default")
        await served.server.account.wait_until_running()
        assert (await wire.ask("account.code"))["name"] == "Alice"


@pytest.mark.parametrize("name", ["/etc", "../x", "x/y", ""])
async def test_a_page_chooses_profiles_by_name_only(serve: Callable[..., Served], name: str) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        before = (await wire.ask("web.state"))["profile"]
        assert await wire.ask("web.choose", profile=name) == "bad-input"
        assert (await wire.ask("web.state"))["profile"] == before


async def test_where_only_a_terminal_may_ask_no_passphrase_is_taken(serve: Callable[..., Served]) -> None:
    async with serve(unlock="terminal").live(up=False) as served, served.window() as window, window.connected() as wire:
        assert wire.state["unlock"] == "terminal"
        assert await wire.ask("web.create", name="Ada", passphrase=PASSPHRASE) == "terminal-only"
        assert await wire.ask("web.start", secret=PASSPHRASE) == "terminal-only"
        assert not served.profile.exists()


async def test_where_only_a_terminal_may_ask_the_account_takes_none_from_a_page_either(
    serve: Callable[..., Served],
) -> None:
    async with serve(unlock="terminal").live() as served, served.window() as window, window.connected() as wire:
        assert await wire.ask("account.verify_passphrase", passphrase=octets(PASSPHRASE)) == "terminal-only"
        new = octets("another good passphrase for it")
        assert await wire.ask("account.change_passphrase", old=octets(PASSPHRASE), new=new) == "terminal-only"


async def test_each_window_attends_a_conversation_of_its_own(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as one, served.window() as other:
        served.befriend("Bob")
        async with one.connected() as wire:
            async with other.connected() as second:
                await wire.ask("events.attend", conversation="Bob")
                await second.ask("events.attend", conversation="me")
                assert len(await wire.ask("events.attended")) == 2
            async with other.connected() as second:
                while len(await second.ask("events.attended")) > 1:
                    pass
