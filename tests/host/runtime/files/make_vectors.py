"""Writes `vectors/file-pull.json` from docs/spec/file-pull.md, with nothing of balchat: run it when that changes."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

OUT = Path(__file__).parent / "vectors" / "file-pull.json"
GET_MANIFEST, GET_PARTS, CONFIRM, MANIFEST, PART, NONE, BUSY = 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x14
ROOT = bytes(range(32))
SIZE = 100_000
"""Octets of the file that is asked for: 100,048 sealed, in parts of 65,536 and 34,512."""
PARTS = (65_536, 34_512)
LONG = 64
"""So often an octet repeats before that is written shorter."""


def frame(kind: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    return bytes([kind]) + (len(payload) if length is None else length).to_bytes(3, "big") + payload


def four(number: int) -> bytes:
    return number.to_bytes(4, "big")


def part(index: int, *, of: int | None = None, length: int | None = None) -> bytes:
    return frame(PART, four(index) + bytes([index]) * (length or PARTS[index if of is None else of]))


def runs(octets: bytes) -> list[list[object]]:
    """Write octets as [hex, how many times] pairs: most of them repeat one octet."""
    found: list[list[object]] = []
    for octet, group in groupby(octets):
        times = len(list(group))
        if times > LONG:
            found.append([bytes([octet]).hex(), times])
        elif found and found[-1][1] == 1:
            found[-1][0] = str(found[-1][0]) + bytes([octet] * times).hex()
        else:
            found.append([bytes([octet] * times).hex(), 1])
    return found


def requests() -> list[dict[str, object]]:
    """What the side that serves reads."""

    def good(name: str, octets: bytes, *given: list[object]) -> dict[str, object]:
        return {"name": name, "octets": runs(octets), "gives": list(given), "clause": None}

    def bad(name: str, clause: str, octets: bytes) -> dict[str, object]:
        return {"name": name, "octets": runs(octets), "gives": [], "clause": clause}

    return [
        good("the manifest", frame(GET_MANIFEST, ROOT), ["manifest", ROOT.hex()]),
        good("one part", frame(GET_PARTS, ROOT + four(7) + four(1)), ["parts", ROOT.hex(), 7, 1]),
        good(
            "most parts", frame(GET_PARTS, ROOT + four(2**32 - 1) + four(1024)), ["parts", ROOT.hex(), 2**32 - 1, 1024]
        ),
        good("so many are durable", frame(CONFIRM, ROOT + four(2)), ["confirm", ROOT.hex(), 2]),
        good(
            "several at once",
            frame(GET_MANIFEST, ROOT) + frame(GET_PARTS, ROOT + four(0) + four(2)) + frame(CONFIRM, ROOT + four(0)),
            ["manifest", ROOT.hex()],
            ["parts", ROOT.hex(), 0, 2],
            ["confirm", ROOT.hex(), 0],
        ),
        good("not yet whole", frame(GET_MANIFEST, ROOT)[:-1]),
        bad("no type", "P1", frame(0x00)),
        bad("an unknown type", "P1", frame(0x04, ROOT)),
        bad("what the other side sends", "P1", frame(NONE)),
        bad("a short root", "P2", frame(GET_MANIFEST, ROOT[:-1])),
        bad("a long request, of which nothing is there but the header", "P2", frame(GET_PARTS, length=2**24 - 1)),
        bad("no count", "P2", frame(GET_PARTS, ROOT + four(0))),
        bad("a count of 0", "P3", frame(GET_PARTS, ROOT + four(0) + four(0))),
        bad("a count of 1,025", "P3", frame(GET_PARTS, ROOT + four(0) + four(1025))),
    ]


def answers() -> list[dict[str, object]]:
    """What the side that pulls reads, after it has asked: "manifest", or [first, count]."""
    manifest = frame(MANIFEST, bytes(64))

    def good(name: str, asked: list[object], octets: bytes, *given: list[object]) -> dict[str, object]:
        return {"name": name, "asked": asked, "octets": runs(octets), "gives": list(given), "clause": None}

    def bad(name: str, clause: str, asked: list[object], octets: bytes) -> dict[str, object]:
        return {"name": name, "asked": asked, "octets": runs(octets), "gives": [], "clause": clause}

    both = [0, 2]
    return [
        good("the manifest", ["manifest"], manifest, ["manifest"]),
        good("both parts", [both], part(0) + part(1), ["part", 0], ["part", 1]),
        good(
            "manifest and parts, asked for at once",
            ["manifest", both],
            manifest + part(0) + part(1),
            ["manifest"],
            ["part", 0],
            ["part", 1],
        ),
        good("not offered", ["manifest", both], frame(NONE) + frame(NONE), ["none"], ["none"]),
        good("taken back in between", [both], part(0) + frame(NONE), ["part", 0], ["none"]),
        good("busy", [both], frame(BUSY, four(2500)), ["busy", 2.5]),
        good("busy for no time", [both], frame(BUSY, four(0)), ["busy", 1.0]),
        good("busy for ever", [both], frame(BUSY, four(2**32 - 1)), ["busy", 600.0]),
        good(
            "busy, and the next one comes",
            [[0, 1], [1, 1]],
            frame(BUSY, four(1000)) + part(1),
            ["busy", 1.0],
            ["part", 1],
        ),
        bad("what nobody asked for", "P4", [], frame(NONE)),
        bad("one part more", "P4", [[0, 1]], part(0) + part(1)),
        bad("a part for a manifest", "P4", ["manifest"], part(0)),
        bad("a manifest for a part", "P4", [both], manifest),
        bad("a manifest of another file", "P4", ["manifest"], frame(MANIFEST, bytes(32))),
        bad("a part of another length", "P4", [both], part(0, length=65_535)),
        bad("the length of the last part, of which nothing is there", "P4", [both], frame(PART, length=4 + PARTS[1])),
        bad("another part", "P5", [both], part(1, of=0)),
        bad("what we send", "P1", [both], frame(GET_MANIFEST, ROOT)),
        bad("an unknown type", "P1", [both], frame(0x15)),
        bad("a part of nothing", "P2", [both], frame(PART, four(0))),
        bad("a part that is too large", "P2", [both], frame(PART, length=4 + 4 * 2**20 + 1)),
        bad("NONE with words", "P2", [both], frame(NONE, b"why?")),
        bad("BUSY without a time", "P2", [both], frame(BUSY)),
    ]


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    vectors = {"root": ROOT.hex(), "size": SIZE, "requests": requests(), "answers": answers()}
    OUT.write_text(json.dumps(vectors, indent=1) + "\n")
