"""Clients that are slow, rude or many harm themselves alone."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from balchat_ui_rpc import peer
from balchat_ui_rpc.limits import MAX_REQUEST_SIZE, Limits
from balchat_ui_rpc.line_channel import LineChannel

from balchat_host.api.rpc.description import Hello, Method
from balchat_host.api.rpc.session import Session

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.api.rpc.session import Target
    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Bench, GatedAccount, Script

pytestmark = pytest.mark.anyio

BACKUP = {"method": "account.backup", "params": {"target": "/x"}}
MANY = 4_000
"""Events, of which a socket holds a few hundred."""


async def hung_up_on(script: Script) -> dict[str, Any]:
    """Hear the reason, then the end."""
    reason = await script.hear()
    await script.hear_end()
    assert reason["id"] is None
    return reason["error"]


async def turns(script: Script) -> None:
    """Let the server do whatever it is about to do."""
    for _ in range(20):
        await script.ask("events.cursor")


async def stalled(gated: GatedAccount, other: Script) -> None:
    """Wait until the server takes no more events, because nobody reads them."""
    before = -1
    while gated.taken > before:
        before = gated.taken
        await turns(other)
    assert 0 < gated.taken < MANY


# -- slow


async def test_a_slow_reader_holds_up_nobody_and_loses_nothing(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    gated.many = MANY
    slow, other = await bench.script(), await bench.script()
    await slow.say({"id": 1, "method": "events.follow", "params": {"after": 0}})
    await stalled(gated, other)
    read = [(await slow.hear())["params"]["value"]["cursor"] for _ in range(MANY)]
    assert read == list(range(1, MANY + 1))


async def test_answers_that_nobody_reads_stop_the_reading_of_calls(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app, limits=Limits(calls=3))
    many, other = await bench.script(), await bench.script()
    for number in range(10):
        await many.say(BACKUP | {"id": number})
    await gated.arrived.wait()
    await turns(other)
    assert gated.begun == 3
    gated.gate.set()
    assert sorted([(await many.hear())["id"] for _ in range(10)]) == list(range(10))
    assert gated.done == 10


async def test_a_call_that_takes_long_holds_up_no_other(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    script = await bench.script()
    await script.say(BACKUP | {"id": 1})
    assert await script.ask("events.cursor") == 0
    gated.gate.set()
    assert await script.hear() == {"id": 1, "result": None}


# -- gone


async def test_whoever_goes_takes_the_streams_along_but_not_the_calls(bench: Bench, gated: GatedAccount) -> None:
    serving = await bench.serve(gated.app)
    script = await bench.script()
    await script.say(
        {"id": 1, "method": "events.follow"}, {"id": 2, "method": "account.backup", "params": {"target": "/x"}}
    )
    await gated.arrived.wait()
    await script.stream.aclose()
    await gated.left.wait()
    assert gated.done == 0
    gated.gate.set()
    await serving.stop()
    assert gated.done == 1


async def test_whoever_goes_in_the_middle_of_reading_harms_nobody(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    gated.many = MANY
    script, other = await bench.script(), await bench.script()
    await script.say({"id": 1, "method": "events.follow", "params": {"after": 0}})
    await stalled(gated, other)
    await script.stream.aclose()
    await gated.left.wait()
    await turns(other)


async def test_whoever_refuses_to_read_gets_no_more_of_a_stream(bench: Bench, gated: GatedAccount) -> None:
    await bench.serve(gated.app)
    gated.many = MANY
    script = await bench.script()
    script.stream._socket.shutdown(socket.SHUT_RD)
    await script.say({"id": 1, "method": "events.follow", "params": {"after": 0}})
    await gated.left.wait()
    assert gated.taken < MANY


# -- rude


async def test_a_line_without_end_is_cut_off(served: Bench) -> None:
    rude, other = await served.script(), await served.script()
    await rude.stream.send(b"x" * (MAX_REQUEST_SIZE + 1))
    assert "octets" in (await hung_up_on(rude))["message"]
    await turns(other)


async def test_the_longest_line_is_taken(script: Script) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "events.cursor"}).encode()
    await script.say(line.ljust(MAX_REQUEST_SIZE))
    assert await script.hear() == {"id": 1, "result": 0}


async def test_half_a_line_is_not_waited_for_without_end(bench: Bench) -> None:
    await bench.serve(limits=Limits(patience=0))
    rude, other = await bench.script(), await bench.script()
    await rude.stream.send(b'{"jsonrpc": "2.0", ')
    assert (await hung_up_on(rude))["data"]["code"] == "timed-out"
    await turns(other)


async def test_half_a_line_and_then_the_end_is_nothing(account: MemoryAccount, served: Bench) -> None:
    rude, other = await served.script(), await served.script()
    await rude.stream.send(b'{"jsonrpc": "2.0", "method": "account.shut_down"}')
    await rude.stream.aclose()
    await turns(other)
    assert not account.ended


async def test_a_flood_that_nobody_reads_the_answers_of_stays_with_who_made_it(served: Bench) -> None:
    rude, other = await served.script(), await served.script()
    async with anyio.create_task_group() as tasks:

        async def flood() -> None:
            while True:
                await rude.say(b"garbage " * 1000, {"id": 1, "method": "status.get"}, {"method": "events.cursor"})

        tasks.start_soon(flood)
        for _ in range(10):
            await turns(other)
        tasks.cancel_scope.cancel()
    await rude.stream.aclose()
    await turns(other)


# -- many, and others


async def test_more_programs_than_allowed_are_turned_away_until_one_goes(bench: Bench) -> None:
    await bench.serve(max_clients=2)
    first, second = await bench.script(), await bench.script()
    await first.ask("events.cursor")
    await second.ask("events.cursor")
    reason = await hung_up_on(await bench.script())
    assert (reason["data"]["code"], reason["data"]["fields"]["limit"]) == ("too-many", 2)
    await first.stream.aclose()
    while True:
        third = await bench.script()
        await third.say({"id": 1, "method": "events.cursor"})
        if "result" in await third.hear():
            break


async def test_another_user_is_turned_away(served: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "peer_uid", lambda _: os.geteuid() + 1)
    stranger = await served.script()
    assert (await hung_up_on(stranger))["data"]["code"] == "socket-unusable"


# -- the end


async def test_who_asks_for_the_end_gets_an_answer(bench: Bench, account: MemoryAccount) -> None:
    serving = await bench.serve()
    script = await bench.script()
    followed = account.app.status.watch()
    await anext(followed)
    await script.say({"id": 1, "method": "account.shut_down"}, {"id": 2, "method": "status.watch"})
    await anext(followed)
    serving.begin_to_stop()
    heard = [await script.hear()]
    while "result" not in heard[-1] or heard[-1]["id"] != 1:
        heard.append(await script.hear())
    assert heard[-1] == {"id": 1, "result": os.getpid()}
    await serving.stop()


async def test_a_call_in_progress_is_finished_and_answered(bench: Bench, gated: GatedAccount) -> None:
    serving = await bench.serve(gated.app)
    script, other = await bench.script(), await bench.script()
    await script.say(BACKUP | {"id": 1})
    await gated.arrived.wait()
    serving.begin_to_stop()
    await other.hear_end()
    gated.gate.set()
    assert await script.hear() == {"id": 1, "result": None}
    await script.hear_end()


class Stuck(ByteStream):
    """A stream whose peer sends two lines and takes half of one."""

    def __init__(self) -> None:
        self._lines = [
            b'{"jsonrpc": "2.0", "id": 1, "method": "account.backup", "params": {"target": "/x"}}\ngarbage\n'
        ]
        self.sent: list[bytes] = []
        self.stuck = anyio.Event()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.lowlevel.checkpoint()
        return self._lines.pop(0)

    async def send(self, item: bytes) -> None:
        self.sent.append(item)
        self.stuck.set()
        await anyio.sleep_forever()

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None: ...


def always(app: App) -> Target:
    async def target(method: Method) -> App:
        return app

    return target


async def test_nothing_follows_half_a_line(gated: GatedAccount) -> None:
    stream, hello = Stuck(), Hello(protocol=1, api=1, version="0.1.0")
    async with anyio.create_task_group() as work:
        session = Session(LineChannel(stream, 30), always(gated.app), hello, work)
        async with anyio.create_task_group() as reading:
            reading.start_soon(session.serve)
            await stream.stuck.wait()
            await gated.arrived.wait()
            gated.gate.set()
            reading.cancel_scope.cancel()
    assert gated.done == 1
    assert [json.loads(line)["id"] for line in stream.sent] == [None]


async def test_a_call_that_does_not_end_does_not_keep_the_server(bench: Bench, gated: GatedAccount) -> None:
    serving = await bench.serve(gated.app, limits=Limits(grace=0))
    script = await bench.script()
    await script.say(BACKUP | {"id": 1}, {"id": 2, "method": "events.follow"})
    await gated.arrived.wait()
    await serving.stop()
    assert gated.done == 0


async def test_a_client_that_reads_nothing_does_not_keep_the_server(bench: Bench, gated: GatedAccount) -> None:
    serving = await bench.serve(gated.app, limits=Limits(grace=0))
    gated.many = MANY
    slow, other = await bench.script(), await bench.script()
    await slow.say({"id": 1, "method": "events.follow", "params": {"after": 0}}, {"id": 2, "method": "events.cursor"})
    await stalled(gated, other)
    await serving.stop()


# -- what is attended


async def attended(script: Script) -> list[str]:
    return await script.ask("events.attended")


async def test_what_a_client_attends_ends_with_its_connection(bench: Bench, account: MemoryAccount) -> None:
    await bench.serve()
    one, other, watching = await bench.script(), await bench.script(), await bench.script()
    account.befriend("Bob")
    await one.ask("events.attend", conversation="me")
    await other.ask("events.attend", conversation="Bob")
    assert len(await attended(watching)) == 2
    await watching.say({"id": 1, "method": "events.ephemeral"})
    assert (await watching.hear())["params"]["value"]["type"] == "present"
    await one.stream.aclose()
    change = (await watching.hear())["params"]["value"]
    assert (change["type"], change["attended"]) == ("conversation.attended", False)
    assert len(await attended(other)) == 1


async def test_each_client_attends_one_conversation_however_often_it_says_so(
    bench: Bench, account: MemoryAccount
) -> None:
    await bench.serve()
    rude, slow = await bench.script(), await bench.script()
    account.befriend("Bob")
    await slow.say({"id": 1, "method": "events.ephemeral", "params": {"credit": 1}})
    await slow.hear()
    for number in range(300):
        await rude.ask("events.attend", conversation=("Bob", "me")[number % 2])
    ours = (await rude.ask("conversations.get", conversation="me"))["id"]
    assert await attended(rude) == [ours]
    # What waits for a slow reader is one change for each conversation, not for each call.
    await slow.say({"method": "credit", "params": {"stream": 1, "values": 1000}})
    changes = {(value := (await slow.hear())["params"]["value"])["conversation"]: value["attended"] for _ in range(2)}
    assert changes == {ours: True, (await rude.ask("conversations.get", conversation="Bob"))["id"]: False}
    await rude.ask("events.attend", conversation=None)
    assert (await slow.hear())["params"]["value"]["conversation"] == ours


async def test_whoever_attends_what_is_not_there_attends_what_it_did(script: Script) -> None:
    await script.ask("events.attend", conversation="me")
    before = await attended(script)
    assert (await script.ask("events.attend", conversation="x" * 100_000))["data"]["code"] == "no-such-conversation"
    assert await attended(script) == before
