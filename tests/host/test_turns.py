"""Turns: each has one in the end, none waits for ever, and whoever asks for many waits for themselves."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import TooMany
from balchat_host.api.turns import FairTurns

pytestmark = pytest.mark.anyio


def make(*, at_once: int = 1, most_of_one: int = 64, most: int = 100) -> FairTurns:
    return FairTurns(at_once=at_once, most_of_one=most_of_one, most=most, what="pictures")


async def test_whoever_waits_for_many_keeps_nobody_else_waiting() -> None:
    turns, done = make(), list[str]()

    async def one(of: str) -> None:
        async with turns.turn(of):
            await checkpoint()
            done.append(of)

    async with anyio.create_task_group() as tasks, turns.turn("us"):
        for of in ("Bob",) * 64 + ("Carol", "Dave"):
            tasks.start_soon(one, of)
            await anyio.wait_all_tasks_blocked()
    assert done[:3] == ["Bob", "Carol", "Dave"]
    assert done.count("Bob") == 64


async def test_one_whose_turns_never_end_leaves_one_to_others() -> None:
    turns, begun = make(at_once=3), list[str]()

    async def never_ends(of: str) -> None:
        async with turns.turn(of):
            begun.append(of)
            await anyio.sleep_forever()

    async def ends(of: str) -> None:
        async with turns.turn(of):
            begun.append(of)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(never_ends, "Mallory")
        await anyio.wait_all_tasks_blocked()
        for of in ("Bob", "Carol", "Bob"):
            tasks.start_soon(ends, of)
        await anyio.wait_all_tasks_blocked()
        assert sorted(begun) == ["Bob", "Bob", "Carol", "Mallory", "Mallory"]
        tasks.cancel_scope.cancel()


async def test_so_many_at_a_time() -> None:
    turns, running, most = make(at_once=2), 0, 0

    async def one(of: int) -> None:
        nonlocal running, most
        async with turns.turn(of % 3):
            running += 1
            most = max(most, running)
            await checkpoint()
            running -= 1

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(one, number)
    assert (running, most) == (0, 2)


async def test_too_many_are_turned_away_those_of_one_before_those_of_others() -> None:
    turns, done, ended = make(most_of_one=2, most=4), list[str](), anyio.Event()

    async def one(of: str) -> None:
        try:
            async with turns.turn(of):
                await ended.wait()
        except TooMany:
            done.append(f"{of} turned away")
        else:
            done.append(of)

    async with anyio.create_task_group() as tasks:
        for of in ("Bob", "Bob", "Bob", "Bob", "Carol", "Dave", "Eve"):
            tasks.start_soon(one, of)
            await anyio.wait_all_tasks_blocked()
        assert done == ["Bob turned away", "Eve turned away"]
        ended.set()
    assert sorted(done[2:]) == ["Bob", "Bob", "Bob", "Carol", "Dave"]


async def test_whoever_gives_up_waiting_or_fails_leaves_the_turn_to_the_next() -> None:
    turns, done = make(), list[str]()

    async def wait(scope: anyio.CancelScope, of: str) -> None:
        with scope:
            async with turns.turn(of):
                done.append(of)

    async def fail(scopes: list[anyio.CancelScope]) -> None:
        async with turns.turn("us"):
            for number, scope in enumerate(scopes):
                tasks.start_soon(wait, scope, f"{number}")
                await anyio.wait_all_tasks_blocked()
            scopes[1].cancel()
            await anyio.wait_all_tasks_blocked()
            raise ZeroDivisionError

    async with anyio.create_task_group() as tasks:
        with pytest.raises(ZeroDivisionError):
            await fail([anyio.CancelScope() for _ in range(3)])
    assert done == ["0", "2"]
    async with turns.turn("us"):
        done.append("us")
    assert done == ["0", "2", "us"]
