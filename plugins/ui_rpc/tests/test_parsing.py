"""Whatever comes in, reading it ends in a request or a refusal, and lines are the same however they are cut."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from anyio import EndOfStream
from anyio.abc import ByteReceiveStream
from balchat_ui_rpc.lines import LineReader
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.rpc.description import METHODS
from balchat_host.api.rpc.protocol import Failure, Refusal, read_incoming, read_request, to_line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted({name for method in METHODS.values() for name in method.parameters.__struct_fields__})
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | JSON, "method": st.sampled_from(sorted(METHODS)) | JSON},
    optional={"id": JSON, "params": JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4), "extra": JSON},
)


class Chunks(ByteReceiveStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._chunks:
            raise EndOfStream
        return self._chunks.pop(0)

    async def aclose(self) -> None:
        self._chunks.clear()


async def lines_of(chunks: list[bytes], limit: int) -> list[bytes]:
    reader = LineReader(Chunks(chunks), limit)
    lines: list[bytes] = []
    while (line := await reader.read()) is not None:
        lines.append(line)
    return lines


def read(line: bytes) -> None:
    try:
        request, method, parameters = read_request(line, METHODS)
    except Refusal as refusal:
        to_line(Failure(id=refusal.request, error=refusal.error))
    else:
        assert request.method == method.name
        assert isinstance(parameters, method.parameters)


@pytest.mark.fuzz
@given(st.binary())
def test_any_octets_are_a_request_or_a_refusal(line: bytes) -> None:
    read(line)


@pytest.mark.fuzz
@given(REQUESTS)
def test_any_value_is_a_request_or_a_refusal(value: dict[str, Any]) -> None:
    read(json.dumps(value).encode())


@pytest.mark.fuzz
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_octets_are_an_answer_or_a_violation(line: bytes) -> None:
    try:
        read_incoming(line)
    except ProtocolViolation:
        return


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=10)))
    chunks = [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    assert anyio.run(lines_of, [chunk for chunk in chunks if chunk], 20) == lines


@pytest.mark.parametrize("chunks", [[b"x" * 21], [b"x" * 20, b"x\n"], [b"x" * 21 + b"\n"], [b"a\n" + b"x" * 22]])
def test_a_line_longer_than_the_limit_is_refused_however_it_is_cut(chunks: list[bytes]) -> None:
    with pytest.raises(ProtocolViolation, match="20 octets"):
        anyio.run(lines_of, chunks, 20)


def test_half_a_line_is_none() -> None:
    assert anyio.run(lines_of, [b"one\ntw", b"o\nthr", b"ee"], 20) == [b"one", b"two"]
