"""Writes `../vectors/files.json`. Run it by hand when the format changes.

Sealed files are counted octets, not encrypted ones: parts, manifest and root do not depend on what octets mean.
"""

import hashlib
import json
from pathlib import Path

OUT = Path(__file__).parents[1] / "vectors" / "files.json"
KIB, MIB = 2**10, 2**20
SIZES = (0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1)
SHAPES = (16 * MIB, 16 * MIB + 1, 1024 * MIB, 1024 * MIB + 1, 64 * 1024 * MIB)


def sealed_size(size: int) -> int:
    return 16 + size + 16 * max(1, (size + 65_535) // 65_536)


def part_size(size: int) -> int:
    return 64 * KIB if size <= MIB else 256 * KIB if size <= 16 * MIB else MIB if size <= 1024 * MIB else 4 * MIB


def sealed(size: int) -> bytes:
    return bytes(each % 251 for each in range(sealed_size(size)))


def shape(size: int) -> dict[str, int]:
    whole, part = sealed_size(size), part_size(size)
    parts = (whole + part - 1) // part
    return {"size": size, "sealed_size": whole, "part_size": part, "parts": parts, "last": whole - part * (parts - 1)}


def vector(size: int) -> dict[str, object]:
    octets, part = sealed(size), part_size(size)
    hashes = [hashlib.sha256(octets[begin : begin + part]).digest() for begin in range(0, len(octets), part)]
    manifest = b"".join(hashes)
    root = hashlib.sha256(b"balchat-file-v1\0" + size.to_bytes(8, "big") + part.to_bytes(4, "big") + manifest).digest()
    return shape(size) | {"manifest": manifest.hex(), "root": root.hex()}


if __name__ == "__main__":
    OUT.write_text(
        json.dumps(
            {
                "comment": "docs/spec/files.md. Octet i of a sealed file is i modulo 251.",
                "files": [vector(size) for size in SIZES],
                "shapes": [shape(size) for size in SHAPES],
            },
            indent=1,
        )
        + "\n"
    )
