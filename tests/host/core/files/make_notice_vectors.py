"""Writes `../vectors/file-notices.json` with a CBOR writer of its own. Run it by hand when the format changes."""

import json
from pathlib import Path

from make_preview_vectors import cbor

OUT = Path(__file__).parents[1] / "vectors" / "file-notices.json"
ROOT = bytes(range(32))

if __name__ == "__main__":
    one = ["transport_relay", b"\x01" * 67, 2**40, b"\x03"]
    first = ["transport_relay", b"\x02" * 67, 2**40, b"\xff\xff\x01"]
    second = ["transport_other", b"\x03", 2**40, b"\x00\x00\x02"]
    parts = [[ROOT, [one]], [ROOT[::-1], [first, second]]]
    # `true` is the one item that the writer does not know.
    progress = b"\x84" + cbor(ROOT) + cbor(b"\x01\x00\x01") + cbor([3, 17]) + b"\xf5"
    written = {
        "comment": "docs/spec/files.md, Parts at relays: the bodies of the two contents, as CBOR.",
        "file-parts": cbor(parts).hex(),
        "file-progress": progress.hex(),
    }
    OUT.write_text(json.dumps(written, indent=1) + "\n")
