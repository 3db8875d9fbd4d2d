"""How files are cut and named: the vectors, each boundary of the sizes, and parts that are not what they should be."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import PartRefused
from balchat_host.core.files.shape import MAX_SIZE, Bitmap, ManifestWriter, Shape

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "files.json").read_text())


def sealed(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("vector", [*VECTORS["files"], *VECTORS["shapes"]], ids=lambda vector: vector["size"])
def test_a_size_says_how_a_file_is_cut(vector: dict[str, Any]) -> None:
    shape = Shape(vector["size"])
    assert shape.sealed_size == vector["sealed_size"]
    assert shape.part_size == vector["part_size"]
    assert shape.parts == vector["parts"]
    assert shape.length(shape.parts - 1) == vector["last"]
    assert shape.manifest_size == 32 * vector["parts"]


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["size"])
@pytest.mark.parametrize("step", [1000, 65_536, 10**9])
def test_manifest_and_root_are_those_of_the_vectors(vector: dict[str, Any], step: int) -> None:
    shape = Shape(vector["size"])
    octets = sealed(shape.sealed_size)
    writer = ManifestWriter(shape)
    for begin in range(0, len(octets), step):
        writer.write(octets[begin : begin + step])
    manifest = writer.finish()
    assert manifest.hex() == vector["manifest"]
    assert shape.root(manifest).hex() == vector["root"]
    shape.check_manifest(bytes.fromhex(vector["root"]), manifest)
    for index in range(shape.parts):
        begin = index * shape.part_size
        expected = manifest[32 * index : 32 * index + 32]
        shape.check_part(index, octets[begin : begin + shape.length(index)], expected)


def test_what_is_not_the_part_is_refused() -> None:
    shape = Shape(200_000)
    octets = sealed(shape.sealed_size)
    writer = ManifestWriter(shape)
    writer.write(octets)
    manifest = writer.finish()
    part = octets[: shape.part_size]
    for index, wrong in (
        (0, part[:-1]),
        (0, part + b"x"),
        (0, b"x" + part[1:]),
        (1, part),
        (-1, part),
        (shape.parts, part),
    ):
        with pytest.raises(PartRefused):
            shape.check_part(index, wrong, manifest[32 * index : 32 * index + 32])


def test_a_manifest_of_another_file_is_refused() -> None:
    shape = Shape(5)
    manifest = bytes(32)
    root = shape.root(manifest)
    for other, wrong in ((shape, bytes(31)), (shape, bytes(64)), (shape, b"x" * 32), (Shape(6), manifest)):
        with pytest.raises(PartRefused):
            other.check_manifest(root, wrong)


@given(st.integers(0, MAX_SIZE))
def test_the_parts_of_a_file_are_all_of_it(size: int) -> None:
    shape = Shape(size)
    last = shape.length(shape.parts - 1)
    assert 0 < last <= shape.part_size
    assert (shape.parts - 1) * shape.part_size + last == shape.sealed_size
    assert shape.manifest_size <= 600_000


@given(st.sets(st.integers(0, 99)))
def test_a_bitmap_knows_what_is_missing(here: set[int]) -> None:
    bitmap = Bitmap(100)
    for index in here:
        bitmap.add(index)
    again = Bitmap(100, bitmap.encode())
    assert again.count == len(here)
    assert {index for run in again.missing() for index in run} == set(range(100)) - here
    assert all(index in again for index in here)
