"""Short commands that want the same vault at the same time: they wait for each other, and say what to do if in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_ui_cli import session

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.memory_profiles import MemoryProfile
    from conftest import Cli


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "POLL", 0)


def times(count: int, then: Callable[[], None] = lambda: None) -> Callable[[], bool]:
    """Be in use for the first tries; then do something."""
    left = count

    def in_use() -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            then()
        return left >= 0

    return in_use


def test_a_command_waits_until_another_one_is_done(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.in_use = times(5)
    bob = profile.account.befriend("Bob")
    told = cli("send", "Bob", "hello", key, "--json")
    assert (told.code, told.json["text"]) == (0, "hello")
    assert len(bob.conversation) == 1


def test_a_command_that_waits_speaks_to_an_account_that_came_up(cli: Cli, profile: MemoryProfile, key: str) -> None:
    bob = profile.account.befriend("Bob")

    def come_up() -> None:
        profile.running = True

    in_use = times(3, come_up)
    profile.in_use = lambda: in_use() or profile.running
    told = cli("send", "Bob", "hello", key, "--json")
    assert (told.code, told.err) == (0, "")
    assert len(bob.conversation) == 1


def test_a_command_does_not_wait_for_ever(
    cli: Cli, profile: MemoryProfile, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALCHAT_LOCK_TIMEOUT", "0")
    profile.in_use = lambda: True
    for arguments in (["code"], ["up"]):
        told = cli(*arguments, key, "--json")
        assert (told.code, told.error["code"]) == (4, "vault-in-use")
        assert "Try again when it has ended" in told.error["message"]


def test_up_waits_for_a_short_command(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.in_use = times(3)
    profile.account.ended = True
    assert cli("up", key).code == 0


def test_up_that_waits_for_another_up_says_that_it_runs(cli: Cli, profile: MemoryProfile, key: str) -> None:
    def come_up() -> None:
        profile.running = True

    in_use = times(3, come_up)
    profile.in_use = lambda: in_use() or profile.running
    told = cli("up", key, "--json")
    assert (told.code, told.error["code"]) == (6, "already-running")


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_time_to_wait_that_is_no_time(
    cli: Cli, profile: MemoryProfile, key: str, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("BALCHAT_LOCK_TIMEOUT", text)
    told = cli("code", key, "--json")
    assert (told.code, told.error["fields"]["what"]) == (3, "BALCHAT_LOCK_TIMEOUT")
