"""Octets behind lines: whatever they are, they are taken for nothing else, and their number is bounded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import MAX_OCTETS, App

if TYPE_CHECKING:
    from conftest import Script

pytestmark = pytest.mark.anyio

HOSTILE = b'\n{"jsonrpc": "2.0", "id": 99, "method": "account.shut_down"}\n\xff\x00'


def request(number: int, method: str, **rest: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method} | rest).encode()


async def test_octets_that_look_like_a_request_are_octets(script: Script) -> None:
    file = await script.ask("files.attach", name="a", size=len(HOSTILE))
    line = request(1, "files.write", params={"file": file["id"], "offset": 0}, octets=len(HOSTILE))
    await script.say(line + b"\n" + HOSTILE + request(2, "events.cursor"))
    assert {(await script.hear())["id"] for _ in range(2)} == {1, 2}
    assert (await script.ask("files.get", file=file["id"]))["state"] == "complete"


@pytest.mark.parametrize(
    "line",
    [
        request(1, "files.write", params={"file": "0" * 32, "offset": 0}, octets=len(HOSTILE)),
        request(1, "files.write", params={"file": 7}, octets=len(HOSTILE)),
        request(1, "files.wrote", octets=len(HOSTILE)),
        request(1, "events.cursor", octets=len(HOSTILE)),
        request(1, "events.cursor", octets=len(HOSTILE), more=True),
        request(1, "events.follow", octets=len(HOSTILE)),
    ],
    ids=["no file", "wrong parameters", "no method", "takes none", "unknown member", "stream"],
)
async def test_whatever_is_wrong_with_a_request_its_octets_are_passed_over(script: Script, line: bytes) -> None:
    await script.say(line + b"\n" + HOSTILE + request(2, "events.cursor"))
    answers = [await script.hear() for _ in range(2)]
    assert sorted(("error" in answer, answer.get("result")) for answer in answers if answer.get("id") == 2) == [
        (False, 0)
    ]
    assert sum("error" in answer for answer in answers) == 1


async def test_a_request_without_its_octets_is_refused(script: Script) -> None:
    await script.say({"id": 1, "method": "files.write", "params": {"file": "0" * 32, "offset": 0}})
    assert (await script.hear())["error"]["code"] == -32602


@pytest.mark.parametrize("count", [MAX_OCTETS + 1, -1, 2**70])
async def test_too_many_end_the_connection(script: Script, count: int) -> None:
    await script.say(request(1, "files.write", params={"file": "0" * 32, "offset": 0}, octets=count))
    assert "error" in await script.hear()
    with pytest.raises(AssertionError, match="hung up"):
        await script.hear()


async def test_the_client_sends_no_more_than_is_taken(remote: App) -> None:
    file = await remote.files.attach("a", 2 * MAX_OCTETS)
    with pytest.raises(BadInput, match="octets"):
        await remote.files.write(file.id, 0, bytes(MAX_OCTETS + 1))
    assert await remote.files.write(file.id, 0, bytes(MAX_OCTETS)) == MAX_OCTETS


async def test_a_stream_that_is_left_early_disturbs_nothing(remote: App) -> None:
    octets = bytes(range(256)) * 8192
    file = await remote.files.attach("a", len(octets))
    for offset in range(0, len(octets), MAX_OCTETS):
        await remote.files.write(file.id, offset, octets[offset : offset + MAX_OCTETS])
    for _ in range(3):
        async for piece in remote.files.read(file.id, 5):
            assert piece[:3] == octets[5:8]
            break
    assert await remote.events.cursor() > 0
    assert b"".join([piece async for piece in remote.files.read(file.id)]) == octets
