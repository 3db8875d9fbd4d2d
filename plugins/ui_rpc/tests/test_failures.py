"""What nobody foresaw ends the call, or the connection, that it came from; every other client goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from balchat_common.unix_sockets import UnixStream
from balchat_ui_rpc import peer
from balchat_ui_rpc.server import RpcServer
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api.rpc import session
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from balchat_host.api.frontend import FrontEndContext
    from conftest import Bench

pytestmark = pytest.mark.anyio


class Odd(BaseException):
    """Not even an Exception, as a panic of a library in Rust is."""


def odd() -> None:
    raise Odd("of a person")


def group() -> None:
    raise BaseExceptionGroup("two", [Odd(), ValueError()])


FAILURES = {"Odd": odd, "SystemExit": sys.exit, "Odd and ValueError": group}


def fail(account: MemoryAccount, failure: Callable[[], None], *, at_the_end: bool = False) -> None:
    """Have an account's App fail where it is asked for its code or its events, or where somebody stops to follow."""

    async def code() -> Any:
        failure()

    async def events(after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Any]:
        try:
            if at_the_end:
                async for event in following(after, subscriber):
                    yield event
            failure()
        finally:
            if at_the_end:
                failure()

    following, account.app.events.follow = account.app.events.follow, events
    account.app.account.code = code


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_call_that_fails_with_whatever_it_is_is_answered(bench: Bench, failure: str) -> None:
    fail(bench.account, FAILURES[failure])
    await bench.serve()
    one, other = await bench.script(), await bench.script()
    answer = await one.ask("account.code")
    assert answer["data"] == {"code": "internal", "fields": {"kind": failure}}
    assert await one.ask("events.cursor") == await other.ask("events.cursor") == 0


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_stream_that_fails_with_whatever_it_is_is_answered(bench: Bench, failure: str) -> None:
    fail(bench.account, FAILURES[failure])
    await bench.serve()
    one, other = await bench.script(), await bench.script()
    answer = await one.ask("events.follow", after=0)
    assert answer["data"] == {"code": "internal", "fields": {"kind": failure}}
    assert await one.ask("events.cursor") == await other.ask("events.cursor") == 0


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_stream_that_cannot_be_closed_ends_its_own_connection_only(
    bench: Bench, add: Callable[[str], None], failure: str
) -> None:
    fail(bench.account, FAILURES[failure], at_the_end=True)
    await bench.serve()
    one, other = await bench.script(), await bench.script()
    add("Bob")
    await one.say({"id": 1, "method": "events.follow", "params": {"after": 0}})
    await one.hear()
    await one.stream.aclose()
    assert await other.ask("events.cursor") == 1
    assert await (await bench.script()).ask("events.cursor") == 1


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_connection_that_cannot_be_read_ends_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    await bench.serve()
    other = await bench.script()
    assert await other.ask("events.cursor") == 0
    receive, broken = UnixStream.receive, 0

    async def fail_once(self: UnixStream, max_bytes: int = 65536) -> bytes:
        nonlocal broken
        octets = await receive(self, max_bytes)
        if octets.startswith(b'{"jsonrpc": "2.0", "id": "break"'):
            broken += 1
            FAILURES[failure]()
        return octets

    monkeypatch.setattr(UnixStream, "receive", fail_once)
    one = await bench.script()
    await one.say({"id": "break", "method": "events.cursor", "params": {}})
    await one.hear_end()
    assert broken == 1
    assert await other.ask("events.cursor") == 0
    assert await (await bench.script()).ask("events.cursor") == 0


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_answer_that_cannot_be_written_ends_its_own_connection_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    await bench.serve()
    one, other = await bench.script(), await bench.script()
    to_line = session.to_line

    def fail(message: Any) -> bytes:
        if getattr(message, "id", None) == "break":
            FAILURES[failure]()
        return to_line(message)

    monkeypatch.setattr(session, "to_line", fail)
    await one.say({"id": "break", "method": "events.cursor", "params": {}})
    await one.hear_end()
    assert await other.ask("events.cursor") == 0
    assert await (await bench.script()).ask("events.cursor") == 0


@pytest.mark.parametrize("failure", FAILURES)
async def test_whoever_cannot_even_be_looked_at_is_hung_up_on_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    await bench.serve(max_clients=2)
    other = await bench.script()
    assert await other.ask("events.cursor") == 0
    with monkeypatch.context() as patch:
        patch.setattr(peer, "check_peer", lambda _connected: FAILURES[failure]())
        for _ in range(5):
            await (await bench.script()).hear_end()
    assert await other.ask("events.cursor") == 0
    with anyio.fail_after(5):
        assert await (await bench.script()).ask("events.cursor") == 0


async def test_a_server_that_is_ended_while_it_starts_ends(context: FrontEndContext, monkeypatch: Any) -> None:
    group = anyio.create_task_group()
    started = type(group).start_soon
    ends = anyio.CancelScope()

    def end_soon(self: Any, *arguments: Any, **more: Any) -> Any:
        # The first task that the server begins is as far as it comes.
        handle = started(self, *arguments, **more)
        ends.cancel()
        return handle

    server = RpcServer(context, RpcSettings(max_clients=1))
    monkeypatch.setattr(type(group), "start_soon", end_soon)
    with anyio.fail_after(10), ends:
        await server.run(MemoryAccount().app, task_status=anyio.TASK_STATUS_IGNORED)
    assert ends.cancelled_caught
