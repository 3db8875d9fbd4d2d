"""The App across the socket: how it is found, what it does when things go wrong, and how it goes on."""

from __future__ import annotations

import base64
import gc
import json
import logging
import signal
import sys
from abc import abstractmethod
from contextlib import asynccontextmanager, suppress
from subprocess import PIPE
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from balchat_common.unix_sockets import UnixStream, accept
from balchat_ui_rpc import client, peer
from balchat_ui_rpc.endpoint import listen
from balchat_ui_rpc.limits import Limits
from balchat_ui_rpc.lines import LineReader
from balchat_ui_rpc.plugin import connect

from balchat_host.api.errors import (
    AccountLocked,
    BadInput,
    ConnectionLost,
    NoSuchConversation,
    NotOffered,
    ProtocolViolation,
    SocketUnusable,
    TimedOut,
    TooMany,
    WrongSecret,
)
from balchat_host.api.events import ContactRemoved
from balchat_host.api.frontend import Area
from balchat_host.api.rpc import session
from balchat_host.api.rpc.description import describe
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.waiting import closing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from balchat_host.api.frontend import App, FrontEndContext
    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Bench, GatedAccount, Serving

pytestmark = pytest.mark.anyio

HELLO = b'{"jsonrpc":"2.0","id":0,"result":{"protocol":1,"api":1,"version":"0.1.0"}}\n'


@asynccontextmanager
async def impostor(context: FrontEndContext, *answers: bytes) -> AsyncGenerator[None]:
    """Be a server that answers each chunk it gets with the next of `answers`; an empty one hangs up."""
    bound = await anyio.to_thread.run_sync(listen, context)

    async def serve() -> None:
        async with UnixStream(await accept(bound.socket)) as stream:
            with suppress(EndOfStream, BrokenResourceError):
                for answer in answers:
                    await stream.receive()
                    await stream.send(answer)
                while answers[-1]:
                    await stream.receive()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        with bound.socket:
            yield
        tasks.cancel_scope.cancel()


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 0)


# -- finding it


async def test_where_none_runs_there_is_none(context: FrontEndContext) -> None:
    assert await connect(context, None) is None


async def test_where_one_has_run_there_is_none(serving: Serving, served: Bench) -> None:
    await serving.stop()
    assert await connect(served.context, None) is None


async def test_another_version_is_refused_by_name(context: FrontEndContext) -> None:
    async with impostor(context, HELLO.replace(b'"protocol":1', b'"protocol":2').replace(b"0.1.0", b"0.9.0")):
        with pytest.raises(SocketUnusable, match=r"0\.9\.0.*version 2.*version 1"):
            await connect(context, None)


async def test_what_only_a_newer_account_has_is_passed_over(context: FrontEndContext) -> None:
    def answer(number: int, result: object) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode() + b"\n"

    def value(event: object) -> bytes:
        params = {"stream": 3, "value": event}
        return json.dumps({"jsonrpc": "2.0", "method": "value", "params": params}).encode() + b"\n"

    code = {"code": "balchat:a", "peer_id": "01", "onion": "a.onion", "name": "Alice", "avatar": [1, 2]}
    removed = {
        "type": "contact.removed",
        "cursor": 8,
        "at": 1,
        "name": "Bob",
        "peer_id": "02",
        "conversation": "03",
        "why": {"left": True},
    }
    async with impostor(
        context,
        HELLO.replace(b'"api":1', b'"api":1,"host":"x"'),
        answer(1, ["account.code", "holograms.send", "holograms"]),
        answer(2, code),
        value({"type": "hologram.changed", "cursor": 7, "at": 1, "hologram": {}}) + value(removed),
    ):
        connection = await connect(context, None)
        assert connection is not None
        async with connection as app:
            assert await app.capabilities() == {"account.code", "holograms.send", "holograms"}
            assert (await app.account.code()).name == "Alice"
            async with closing(app.events.follow(after=6)) as events:
                assert await anext(events) == ContactRemoved(
                    cursor=8, at=1, name="Bob", peer_id="02", conversation="03"
                )


class Holograms(Area):
    """An area that a newer front end knows."""

    @abstractmethod
    async def send(self, conversation: str) -> str:
        """Send one."""


async def test_what_an_older_account_lacks_is_no_capability_and_says_so(served: Bench) -> None:
    app: Any = await served.connect()
    (method,) = describe(Holograms, "holograms").values()
    assert method.name not in await app.capabilities()
    with pytest.raises(NotOffered, match=r"holograms\.send"):
        await app.rpc.call(method, method.parameters(conversation="Bob"))
    assert "messages.send" in await app.capabilities()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\n",
        b"\xff\n",
        b"7\n",
        b"[" * 500_000 + b"\n",
        b"x" * 100_000,
        HELLO.replace(b'"protocol":1', b'"protocol":"1"'),
        HELLO.replace(b'{"protocol":1,"api":1,"version":"0.1.0"}', b"[]"),
    ],
    ids=["ssh", "no utf-8", "number", "deep", "endless", "wrong type", "wrong shape"],
)
async def test_what_speaks_something_else_is_refused(context: FrontEndContext, answer: bytes) -> None:
    async with impostor(context, answer):
        with pytest.raises(ProtocolViolation):
            await connect(context, None)


async def test_one_that_hangs_up_is_no_account(context: FrontEndContext) -> None:
    async with impostor(context, b""):
        with pytest.raises(ConnectionLost):
            await connect(context, None)


@pytest.mark.usefixtures("no_patience")
async def test_one_that_says_nothing_is_not_waited_for(context: FrontEndContext) -> None:
    bound = await anyio.to_thread.run_sync(listen, context)
    with bound.socket, pytest.raises(TimedOut):
        await connect(context, None)


async def test_another_users_is_refused(context: FrontEndContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "peer_uid", lambda _: -1)
    async with impostor(context, HELLO):
        with pytest.raises(SocketUnusable, match="another user"):
            await connect(context, None)


async def test_one_that_is_full_says_so(bench: Bench) -> None:
    await bench.serve(max_clients=1)
    await bench.connect()
    with pytest.raises(TooMany):
        await connect(bench.context, None)


# -- using it


async def test_what_the_block_raises_comes_out_as_it_is(served: Bench) -> None:
    connection = await connect(served.context, None)
    assert connection is not None
    with pytest.raises(NoSuchConversation):
        async with connection as app:
            await app.messages.history("Zoe")
    with pytest.raises(ConnectionLost):
        await app.events.cursor()


async def test_wrong_arguments_are_the_callers_mistake(remote: App) -> None:
    with pytest.raises(TypeError):
        await remote.messages.send("Bob")  # pyright: ignore[reportCallIssue]  # as a careless caller would
    assert await remote.events.cursor() == 0


async def test_who_gives_up_a_call_can_make_the_next(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    app = await bench.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app.account.backup, "/x")
        await gated.arrived.wait()
        tasks.cancel_scope.cancel()
    gated.gate.set()
    assert await app.events.cursor() == 0
    while not gated.done:
        await app.events.cursor()
    assert not app.rpc._replies


async def test_a_call_too_long_for_the_socket_is_the_callers_mistake(remote: App) -> None:
    with pytest.raises(BadInput, match="octets"):
        await remote.messages.send("Bob", "x" * 2**20)
    assert await remote.events.cursor() == 0


async def test_a_text_that_is_no_unicode_is_the_callers_mistake(account: MemoryAccount, remote: App) -> None:
    account.befriend("Bob")
    with pytest.raises(BadInput, match="no valid Unicode"):
        await remote.messages.send("Bob", "half a pair: \ud800")
    assert (await remote.messages.send("Bob", "whole")).text == "whole"


async def test_an_answer_too_long_for_the_socket_says_what_to_do(
    account: MemoryAccount, remote: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_ANSWER_SIZE", 10_000)
    bob = account.befriend("Bob")
    for number in range(100):
        bob.write(f"message {number}")
    with pytest.raises(BadInput, match="ask for less"):
        await remote.messages.history("Bob", 100)
    assert len(await remote.messages.history("Bob", 10)) == 10


async def test_the_longest_history_gets_across(account: MemoryAccount, remote: App) -> None:
    bob = account.befriend("Bob")
    for _ in range(100):
        bob.write("\x01" * 32 * 1024)
    assert len(await remote.messages.history("Bob", 100)) == 100


async def test_passphrases_show_nowhere(account: MemoryAccount, remote: App, caplog: pytest.LogCaptureFixture) -> None:
    new = Secret.from_text("tweedledum and tweedledee")
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(WrongSecret) as raised:
            await remote.account.change_passphrase(new, new)
        account.fail_next("account.change_passphrase", ValueError(repr(new.reveal())))
        with pytest.raises(Exception, match="ValueError"):
            await remote.account.change_passphrase(new, new)
        await remote.account.change_passphrase(account.passphrase, new)
        recovery = await remote.account.renew_recovery_code(new)
    await account.vault.verify_slot(SlotKind.PASSPHRASE, new)
    told = caplog.text + repr(raised.value) + repr(recovery)
    for secret in (new, recovery):
        assert secret.reveal().decode() not in told
        assert base64.b64encode(secret.reveal()).decode() not in told


async def test_a_secret_need_not_be_text(account: MemoryAccount, remote: App) -> None:
    octets = bytes(range(256))
    await remote.account.change_passphrase(account.passphrase, Secret(octets))
    await account.vault.verify_slot(SlotKind.PASSPHRASE, Secret(octets))


# -- streams


async def test_a_stream_fetches_no_more_than_it_has_room_for(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    gated.many = 90
    app = await bench.connect()
    events = app.events.follow(after=0)
    assert (await anext(events)).cursor == 1
    for _ in range(20):
        await app.events.cursor()
    assert gated.taken == 64
    assert [(await anext(events)).cursor for _ in range(89)] == list(range(2, 91))


async def test_a_watcher_that_comes_late_sees_only_the_newest_state(add: Callable[[str], None], remote: App) -> None:
    watched = remote.status.watch()
    assert (await anext(watched)).outbox.waiting == 0
    for name in ("Bob", "Zoe", "Eve"):
        add(name)
        await remote.events.cursor()
    assert (await anext(watched)).outbox.waiting == 3


async def test_a_stream_that_is_closed_ends_on_both_sides(bench: Bench, gated: GatedAccount) -> None:
    gated.many = 1
    await bench.serve(gated.app)
    app = await bench.connect()
    events = app.events.follow(after=0)
    await anext(events)
    await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]  # an AsyncIterator may have it
    await gated.left.wait()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_a_stream_that_nobody_has_any_more_ends_on_the_other_side(bench: Bench, gated: GatedAccount) -> None:
    gated.many = 1
    await bench.serve(gated.app)
    app = await bench.connect()
    async for _ in app.events.follow(after=0):
        break
    gc.collect()
    while not gated.left.is_set():
        await app.events.cursor()


async def test_many_streams_one_after_the_other_do_not_add_up(add: Callable[[str], None], remote: App) -> None:
    add("Bob")
    for _ in range(50):
        async for event in remote.events.follow(after=0):
            assert event.cursor == 1
            break


# -- losing it


async def test_when_the_server_ends_everybody_hears_of_it(bench: Bench, gated: GatedAccount) -> None:
    serving = await bench.serve(gated.app, limits=Limits(grace=0))
    app = await bench.connect()
    lost: list[str] = []

    async def call() -> None:
        with pytest.raises(ConnectionLost):
            await app.account.backup("/x")
        lost.append("call")

    async def follow() -> None:
        with pytest.raises(ConnectionLost):
            await anext(app.events.follow())
        lost.append("stream")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        tasks.start_soon(follow)
        await gated.arrived.wait()
        await serving.stop()
    assert sorted(lost) == ["call", "stream"]
    with pytest.raises(ConnectionLost):
        await app.events.cursor()
    with pytest.raises(ConnectionLost):
        await anext(app.status.watch())


async def test_whoever_comes_back_goes_on_from_the_cursor(bench: Bench, add: Callable[[str], None]) -> None:
    serving = await bench.serve()
    app = await bench.connect()
    for name in ("Bob", "Zoe", "Eve"):
        add(name)
    events = app.events.follow(after=0)
    seen = [await anext(events), await anext(events)]
    await serving.stop()
    add("Ann")
    with suppress(ConnectionLost):
        while True:
            seen.append(await anext(events))
    await bench.serve()
    app = await bench.connect()
    async for event in app.events.follow(after=seen[-1].cursor):
        seen.append(event)
        if len(seen) == 4:
            break
    assert [event.cursor for event in seen] == [1, 2, 3, 4]


async def test_a_server_that_breaks_the_protocol_is_left(context: FrontEndContext) -> None:
    async with impostor(context, HELLO, b'{"jsonrpc":"2.0","id":1,"result":"no number"}\n', b"{}\n"):
        connection = await connect(context, None)
        assert connection is not None
        async with connection as app:
            for _ in range(3):
                with pytest.raises(ProtocolViolation):
                    await app.events.cursor()


async def test_a_server_that_says_why_it_hangs_up_is_heard(context: FrontEndContext) -> None:
    error = b'{"code":-32600,"message":"late","data":{"code":"timed-out","fields":{}}}'
    reason = b'{"jsonrpc":"2.0","id":null,"error":%s}\n' % error
    async with impostor(context, HELLO, reason):
        connection = await connect(context, None)
        assert connection is not None
        async with connection as app:
            for _ in range(2):
                with pytest.raises(TimedOut):
                    await app.events.cursor()


async def test_a_server_that_gives_more_than_it_was_asked_for_is_left(context: FrontEndContext) -> None:
    value = b'{"jsonrpc":"2.0","method":"value","params":{"stream":1,"value":{}}}\n'
    async with impostor(context, HELLO, value * 2):
        connection = await connect(context, None)
        assert connection is not None
        async with connection as app:
            with pytest.raises(ProtocolViolation):
                await anext(app.status.watch())
            with pytest.raises(ProtocolViolation):
                await app.events.cursor()


async def test_a_killed_server_is_lost_in_the_middle_of_a_call_and_replaced(bench: Bench) -> None:
    program = dedent("""
        import sys
        from pathlib import Path
        import anyio
        from balchat_host.api.frontend import FrontEndContext
        from balchat_host.testing.memory_account import MemoryAccount
        from balchat_ui_rpc.plugin import make
        from balchat_ui_rpc.settings import RpcSettings

        async def stuck():
            print("called", flush=True)
            await anyio.sleep_forever()

        async def main():
            profile, runtime_directory = map(Path, sys.argv[1:])
            context = FrontEndContext(profile=profile, runtime_directory=runtime_directory)
            app = MemoryAccount().app
            app.status.get = stuck
            async with anyio.create_task_group() as tasks:
                await tasks.start(make(context, RpcSettings()).run, app)
                print("serving", flush=True)

        anyio.run(main)
    """)
    where = (str(bench.context.profile), str(bench.context.runtime_directory))
    async with await anyio.open_process([sys.executable, "-c", program, *where], stdout=PIPE, stderr=None) as process:
        assert process.stdout is not None
        told = LineReader(process.stdout, 100)
        assert await told.read() == b"serving"
        app = await bench.connect()
        async with anyio.create_task_group() as tasks:

            async def call() -> None:
                with pytest.raises(ConnectionLost):
                    await app.status.get()

            tasks.start_soon(call)
            assert await told.read() == b"called"
            process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await connect(bench.context, None) is None
    await bench.serve()
    assert (await (await bench.connect()).status.get()).running


async def test_who_follows_an_account_that_locks_itself_hears_why(account, remote) -> None:
    async def follow(stream) -> None:
        with pytest.raises(AccountLocked, match="after 5 min"):
            await read(stream)

    async def read(stream) -> None:
        async for _ in stream:
            following.set()

    following = anyio.Event()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow, remote.events.follow())
            tasks.start_soon(follow, remote.status.watch())
            await following.wait()
            await anyio.wait_all_tasks_blocked()
            account.live_status.end(AccountLocked(minutes=5))
