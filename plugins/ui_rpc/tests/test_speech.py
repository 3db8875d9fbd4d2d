"""What a program hears that speaks JSON-RPC by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.api.errors import MessageFailed
from balchat_host.api.rpc.protocol import METHOD_NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Script

pytestmark = pytest.mark.anyio


async def test_a_call_is_answered_with_its_id(account: MemoryAccount, script: Script) -> None:
    for number in (0, 7, -1, 2**53, "seven", ""):
        await script.say({"id": number, "method": "events.cursor"})
        assert await script.hear() == {"id": number, "result": 0}


async def test_parameters_may_be_left_out_or_empty(script: Script) -> None:
    await script.say({"id": 1, "method": "contacts.list"}, {"id": 2, "method": "contacts.list", "params": {}})
    assert [(await script.hear())["result"] for _ in range(2)] == [[], []]


async def test_values_look_as_documented(account: MemoryAccount, script: Script) -> None:
    account.befriend("Bob")
    sent = await script.ask("messages.send", conversation="Bob", text="ahoj 🦦")
    assert (sent["text"], sent["state"], sent["author"], sent["in_reply_to"]) == ("ahoj 🦦", "queued", None, None)
    assert await script.ask("messages.history", conversation="Bob") == [sent]
    status = await script.ask("status.get")
    assert status["network"] == {"network_memory": {"phase": "online", "percent": None, "reason": None, "code": None}}


async def test_a_notification_is_carried_out_and_not_answered(account: MemoryAccount, script: Script) -> None:
    account.befriend("Bob")
    await script.say({"method": "contacts.block", "params": {"contact": "Bob"}})
    await script.say({"method": "contacts.block", "params": {"contact": "Zoe"}})
    while not (contacts := await script.ask("contacts.list"))[0]["blocked"]:
        pass
    assert len(contacts) == 1


async def test_white_space_and_empty_lines_do_no_harm(script: Script) -> None:
    await script.say(b"", b"\r", b' \t{"jsonrpc": "2.0", "id": 1, "method": "events.cursor"} \r')
    assert await script.hear() == {"id": 1, "result": 0}


REFUSED: list[tuple[str, bytes, int, int | None]] = [
    ("garbage", b"GET / HTTP/1.1", -32700, None),
    ("half a value", b'{"jsonrpc": "2.0", "id": 1', -32700, None),
    ("two values", b'{"jsonrpc": "2.0", "id": 1, "method": "events.cursor"} {}', -32700, None),
    ("no UTF-8", b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}', -32700, None),
    (
        "no UTF-8 deep inside",
        b'{"jsonrpc": "2.0", "id": 1, "method": "events.cursor", "params": ["\xff"]}',
        -32700,
        None,
    ),
    ("half a surrogate", b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}', -32700, None),
    ("octet order mark", b'\xef\xbb\xbf{"jsonrpc": "2.0", "id": 1, "method": "events.cursor"}', -32700, None),
    ("too deep", b'{"jsonrpc": "2.0", "id": 1, "method": "events.cursor", "params": ' + b"[" * 500_000, -32700, None),
    ("a batch", b'[{"jsonrpc": "2.0", "id": 1, "method": "events.cursor"}]', -32600, None),
    ("a number", b"7", -32600, None),
    ("no version", b'{"id": 1, "method": "events.cursor"}', -32600, None),
    ("another version", b'{"jsonrpc": "1.0", "id": 1, "method": "events.cursor"}', -32600, None),
    ("no method", b'{"jsonrpc": "2.0", "id": 1}', -32600, None),
    ("null as id", b'{"jsonrpc": "2.0", "id": null, "method": "events.cursor"}', -32600, None),
    ("a broken number as id", b'{"jsonrpc": "2.0", "id": 1.5, "method": "events.cursor"}', -32600, None),
    ("a huge number as id", b'{"jsonrpc": "2.0", "id": %d, "method": "events.cursor"}' % 10**30, -32600, None),
    ("a long text as id", b'{"jsonrpc": "2.0", "id": "%s", "method": "events.cursor"}' % (b"x" * 129), -32600, None),
    ("a misspelt member", b'{"jsonrpc": "2.0", "id": 1, "method": "events.cursor", "parms": {}}', -32600, None),
    ("an unknown method", b'{"jsonrpc": "2.0", "id": 1, "method": "rm"}', -32601, 1),
    ("a private method", b'{"jsonrpc": "2.0", "id": 1, "method": "__init__"}', -32601, 1),
    ("an area", b'{"jsonrpc": "2.0", "id": 1, "method": "contacts"}', -32601, 1),
    ("an unknown area", b'{"jsonrpc": "2.0", "id": 1, "method": "files.send"}', -32601, 1),
    ("what is no method", b'{"jsonrpc": "2.0", "id": 1, "method": "contacts.missing"}', -32601, 1),
    ("parameters by position", b'{"jsonrpc": "2.0", "id": 1, "method": "messages.get", "params": ["01"]}', -32602, 1),
    ("a missing parameter", b'{"jsonrpc": "2.0", "id": 1, "method": "messages.get", "params": {}}', -32602, 1),
    ("an unknown parameter", b'{"jsonrpc": "2.0", "id": 1, "method": "events.cursor", "params": {"a": 1}}', -32602, 1),
    ("a wrong type", b'{"jsonrpc": "2.0", "id": 1, "method": "messages.get", "params": {"message": 1}}', -32602, 1),
    ("a huge number", b'{"jsonrpc": "2.0", "id": 1, "method": "events.follow", "params": {"after": 1e400}}', -32602, 1),
    ("no credit", b'{"jsonrpc": "2.0", "id": 1, "method": "events.follow", "params": {"credit": 0}}', -32602, 1),
]


@pytest.mark.parametrize(
    ("line", "code", "answered"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_a_wrong_line_is_refused_and_the_next_is_answered(
    script: Script, line: bytes, code: int, answered: int | None
) -> None:
    await script.say(line)
    refusal = await script.hear()
    assert (refusal["id"], refusal["error"]["code"]) == (answered, code)
    assert refusal["error"]["data"]["code"] == ("not-offered" if code == METHOD_NOT_FOUND else "bad-input")
    assert refusal["error"]["message"]
    assert await script.ask("events.cursor") == 0


async def test_a_refusal_quotes_no_more_than_a_person_reads(script: Script) -> None:
    error = await script.ask("events.cursor", **{"x" * 100_000: 1})
    assert len(json.dumps(error)) < 1000


async def test_a_batch_is_told_what_to_do_instead(script: Script) -> None:
    await script.say(b"[]")
    assert "one request a line" in (await script.hear())["error"]["message"]


async def test_a_program_that_stops_writing_still_gets_its_answers(account: MemoryAccount, script: Script) -> None:
    await script.say(*({"id": number, "method": "events.cursor"} for number in range(100)))
    await script.stream.send_eof()
    assert sorted([(await script.hear())["id"] for _ in range(100)]) == list(range(100))
    await script.hear_end()


# -- streams


async def values(script: Script, count: int) -> list[Any]:
    heard = [await script.hear() for _ in range(count)]
    assert {each["method"] for each in heard} == {"value"}
    return [each["params"]["value"] for each in heard]


async def test_a_stream_sends_values_and_its_answer_comes_last(account: MemoryAccount, script: Script) -> None:
    bob = account.befriend("Bob")
    await script.say({"id": "e", "method": "events.follow", "params": {"after": 2}})
    first = await script.hear()
    assert (first["method"], first["params"]["stream"]) == ("value", "e")
    assert (first["params"]["value"]["type"], first["params"]["value"]["cursor"]) == ("contact.changed", 3)
    bob.write("hello")
    (second,) = await values(script, 1)
    assert (second["type"], second["message"]["text"]) == ("message.added", "hello")
    await script.say({"id": 1, "method": "cancel", "params": {"stream": "e"}})
    assert sorted([await script.hear(), await script.hear()], key=str) == [
        {"id": "e", "result": None},
        {"id": 1, "result": None},
    ]


async def test_credit_says_how_many_values_come(add: Callable[[str], None], script: Script) -> None:
    for number in range(10):
        add(f"contact {number}")
    await script.say({"id": "e", "method": "events.follow", "params": {"after": 0, "credit": 2}})
    assert [event["cursor"] for event in await values(script, 2)] == [1, 2]
    # Were there a third on its way, it would come before these answers.
    assert [await script.ask("events.cursor") for _ in range(20)] == [10] * 20
    await script.say({"method": "credit", "params": {"stream": "e", "values": 3}})
    assert [event["cursor"] for event in await values(script, 3)] == [3, 4, 5]
    assert await script.ask("events.cursor") == 10


async def test_credit_and_cancel_for_what_is_not_open_do_nothing(script: Script) -> None:
    assert await script.ask("credit", stream="e", values=1) is None
    assert await script.ask("cancel", stream="e") is None


async def test_a_stream_that_fails_is_answered_with_the_error(
    account: MemoryAccount, add: Callable[[str], None], script: Script
) -> None:
    for name in ("Ann", "Bob"):
        add(name)
    account.pass_time(365 * 24 * 3600)
    add("Zoe")
    error = await script.ask("events.follow", after=0)
    assert (error["code"], error["data"]["code"]) == (-32001, "cursor-too-old")
    assert error["data"]["fields"]["oldest"] == 3


async def test_an_open_stream_keeps_its_id_and_the_number_of_streams_is_bounded(script: Script) -> None:
    for number in range(16):
        await script.say({"id": number, "method": "events.follow"})
    await script.say({"id": 0, "method": "events.follow"}, {"id": 16, "method": "events.follow"})
    taken, full = await script.hear(), await script.hear()
    assert (taken["id"], taken["error"]["code"]) == (0, -32600)
    assert (full["id"], full["error"]["data"]["code"]) == (16, "too-many")
    await script.say({"method": "cancel", "params": {"stream": 0}})
    assert await script.hear() == {"id": 0, "result": None}
    await script.say({"id": 0, "method": "status.watch"})
    (status,) = await values(script, 1)
    assert status["vault"] == "unlocked"


async def test_a_stream_without_id_is_none(add: Callable[[str], None], script: Script) -> None:
    add("Bob")
    await script.say({"method": "events.follow", "params": {"after": 0}})
    assert await script.ask("events.cursor") == 1


async def test_state_is_followed_as_it_changes(add: Callable[[str], None], script: Script) -> None:
    await script.say({"id": 1, "method": "status.watch"})
    assert [status["outbox"]["waiting"] for status in await values(script, 1)] == [0]
    add("Bob")
    assert [status["outbox"]["waiting"] for status in await values(script, 1)] == [1]


async def test_errors_are_json_that_any_reader_takes(account: MemoryAccount, script: Script) -> None:
    account.fail_next("events.cursor", MessageFailed(problem='"quotes" \\ and \x00'))
    await script.say({"id": 1, "method": "events.cursor"})
    error = (await script.hear())["error"]
    assert json.loads(json.dumps(error)) == error
