"""The frames of the pull protocol are those of docs/spec/file-pull.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from balchat_host.api.errors import ProtocolViolation
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files import pull_protocol
from balchat_host.runtime.files.pull_protocol import (
    HEADER_SIZE,
    LENGTHS,
    AnswerReader,
    Asked,
    BusyCame,
    Confirm,
    FrameType,
    GetManifest,
    GetParts,
    ManifestCame,
    PartCame,
    RequestReader,
)

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors" / "file-pull.json").read_text())
PAGE = (Path(__file__).parents[4] / "docs" / "spec" / "file-pull.md").read_text()
ROOT, SHAPE = bytes.fromhex(VECTORS["root"]), Shape(VECTORS["size"])


def octets_of(vector: dict[str, Any]) -> bytes:
    return b"".join(bytes.fromhex(octets) * times for octets, times in vector["octets"])


def named(vector: dict[str, Any]) -> str:
    return vector["name"]


def fed(reader: Any, octets: bytes, cut: int) -> list[Any]:
    """Feed octets in pieces; return what comes of them, and the clause that is broken at the end."""
    came: list[Any] = []
    try:
        for start in range(0, len(octets), cut):
            reader.feed(octets[start : start + cut])
            while (item := reader.next()) is not None:
                came.append(item)
    except ProtocolViolation as error:
        came.append(error.fields["clause"])
    return came


def told(item: Any) -> Any:
    match item:
        case GetManifest(root):
            return ["manifest", root.hex()]
        case GetParts(root, first, count):
            return ["parts", root.hex(), first, count]
        case Confirm(root, parts):
            return ["confirm", root.hex(), parts]
        case ManifestCame():
            return ["manifest"]
        case PartCame(_, index, octets):
            assert len(octets) == SHAPE.length(index)
            return ["part", index]
        case BusyCame(_, seconds):
            return ["busy", seconds]
        case str(clause):
            return clause
        case _:
            return ["none"]


@pytest.mark.parametrize("cut", [1, 7, 100_000])
@pytest.mark.parametrize("vector", VECTORS["requests"], ids=named)
def test_requests(vector: dict[str, Any], cut: int) -> None:
    expected = [*vector["gives"], *([vector["clause"]] if vector["clause"] else [])]
    came = fed(RequestReader(), octets_of(vector), cut)
    assert [told(item) for item in came] == expected
    if not vector["clause"] and came:
        assert b"".join(item.encode() for item in came) == octets_of(vector)


@pytest.mark.parametrize("cut", [13, 997, 1_000_000])
@pytest.mark.parametrize("vector", VECTORS["answers"], ids=named)
def test_answers(vector: dict[str, Any], cut: int) -> None:
    reader = AnswerReader()
    for asked in vector["asked"]:
        parts = None if asked == "manifest" else range(asked[0], sum(asked))
        reader.ask(ROOT, Asked("the file", SHAPE, parts))
    came = [told(item) for item in fed(reader, octets_of(vector), cut)]
    if vector["clause"]:
        assert came[-1] == vector["clause"]
    else:
        assert came == vector["gives"]


@pytest.mark.parametrize("kind", [FrameType.PART, FrameType.MANIFEST])
def test_nothing_is_kept_of_what_was_not_asked_for(kind: FrameType) -> None:
    reader = AnswerReader()
    reader.feed(bytes([kind]) + LENGTHS[kind][1].to_bytes(3))
    with pytest.raises(ProtocolViolation, match="P4"):
        reader.next()
    assert reader.held <= HEADER_SIZE


def test_what_is_asked_for_is_what_the_other_side_reads() -> None:
    asking, serving = AnswerReader(), RequestReader()
    serving.feed(asking.ask(ROOT, Asked("a", SHAPE, None)) + asking.ask(ROOT, Asked("a", SHAPE, range(2))))
    assert [serving.next(), serving.next()] == [GetManifest(ROOT), GetParts(ROOT, 0, 2)]
    assert asking.octets == 64 + 2 * 65_536


def test_what_is_served_is_what_the_other_side_reads() -> None:
    asking = AnswerReader()
    asking.ask(ROOT, Asked("a", SHAPE, None))
    for _ in range(3):
        asking.ask(ROOT, Asked("a", SHAPE, range(1, 2)))
    asking.feed(pull_protocol.manifest_header(64) + bytes(64))
    asking.feed(pull_protocol.part_header(1, SHAPE.length(1)) + bytes(SHAPE.length(1)))
    asking.feed(pull_protocol.busy(3) + pull_protocol.NONE)
    came = [told(asking.next()) for _ in range(4)]
    assert came == [["manifest"], ["part", 1], ["busy", 3.0], ["none"]]
    assert not asking.asked


def test_the_page_has_the_frames() -> None:
    rows = re.findall(r"^\| 0x(\w\w) \| (\w+) \| ([\d, –]+) \|", PAGE, re.MULTILINE)
    said = {
        FrameType[name]: (int(code, 16), *(int(n.replace(",", "")) for n in size.split(" – ")))
        for code, name, size in rows
    }
    assert {kind: (code, bounds[0], bounds[-1]) for kind, (code, *bounds) in said.items()} == {
        kind: (int(kind), *LENGTHS[kind]) for kind in FrameType
    }


def test_every_rule_of_the_page_is_checked_somewhere() -> None:
    rules = set(re.findall(r"^- \*\*(P\d+)\*\*", PAGE, re.MULTILINE))
    source = Path(pull_protocol.__file__).read_text()
    assert {rule for rule in rules if re.search(rf'"{rule}"', source)} == rules
    broken = {vector["clause"] for kind in ("requests", "answers") for vector in VECTORS[kind]} - {None}
    assert broken == rules
