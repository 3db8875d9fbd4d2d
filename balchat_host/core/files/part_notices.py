"""What two balchats tell each other of the parts of a file at relays: docs/spec/files.md, Parts at relays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.api.transport import MAX_CONTAINER
from balchat_host.core.files.shape import MAX_SIZE, ROOT_SIZE, Shape

MAX_CONTAINERS: Final = 3
"""How many containers are told of, and looked at, for one file."""
MAX_NAMED: Final = 32
"""How many files stand in one `file-parts`."""
MAX_ABSENT: Final = 64
"""How many missing parts stand in one `file-progress`."""
_MAX_BITMAP: Final = (Shape(MAX_SIZE).parts + 1 + 7) // 8
_LARGEST_TOLD: Final = 16 * 1024
"""Octets of a `file-parts` of ours that names several files."""
_MAX_NAME: Final = 64
_MAX_TIME: Final = 2**53
_MAX_INDEX: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedContainer:
    """A container in which parts lie: what its transport is called, what gets them, until when, in Unix milliseconds.

    `put` is a `shape.Bitmap` of the parts that were put, with one bit more at the end, for the manifest.
    """

    transport: str
    offer: bytes
    until: int
    put: bytes

    def __repr__(self) -> str:
        return "OfferedContainer(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileParts:
    """Where parts of a file lie that its author offers. Where there is nothing, nothing lies anywhere."""

    root: bytes
    containers: tuple[OfferedContainer, ...]


def encode_parts(told: Sequence[FileParts]) -> Iterator[bytes]:
    """Yield the bodies of as few `file-parts` as tell all of it."""
    named: list[object] = []
    size = 0
    for each in told:
        item = [each.root, [[one.transport, one.offer, one.until, one.put] for one in each.containers]]
        added = len(cbor.encode(item))
        if named and (len(named) == MAX_NAMED or size + added > _LARGEST_TOLD):
            yield cbor.encode(named)
            named, size = [], 0
        named.append(item)
        size += added
    if named:
        yield cbor.encode(named)


def decode_parts(body: bytes) -> list[FileParts]:
    """Read the body of a `file-parts`. Raise MalformedContent."""
    named = _list(_decode(body, max_items=1 + MAX_NAMED * (3 + MAX_CONTAINERS * 5), max_depth=4), most=MAX_NAMED)
    told = [_parts(each) for each in named]
    if not told or len({each.root for each in told}) < len(told):
        raise _malformed()
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressNotice:
    """`file-progress`: which parts of a file are durable at whoever says it, and whether more of them are wanted.

    `absent` are parts, or the manifest by the number of parts, that were said to lie at a relay and do not.
    """

    root: bytes
    here: bytes
    absent: tuple[int, ...]
    wanted: bool

    def encode(self) -> bytes:
        """Return it as the body of the content."""
        return cbor.encode([self.root, self.here, list(self.absent), self.wanted])

    @classmethod
    def decode(cls, body: bytes) -> "ProgressNotice":
        """Read the body of the content. Raise MalformedContent."""
        root, here, listed, wanted = _fields(_decode(body, max_items=5 + MAX_ABSENT, max_depth=2), 4)
        absent = _list(listed, most=MAX_ABSENT)
        if not isinstance(here, bytes) or len(here) > _MAX_BITMAP or not isinstance(wanted, bool):
            raise _malformed()
        return cls(root=_root(root), here=here, absent=tuple(_index(each) for each in absent), wanted=wanted)


def _parts(item: object) -> FileParts:
    root, listed = _fields(item, 2)
    containers = _list(listed, most=MAX_CONTAINERS)
    return FileParts(root=_root(root), containers=tuple(_container(each) for each in containers))


def _container(item: object) -> OfferedContainer:
    match item:
        case [str() as transport, bytes() as offer, int() as until, bytes() as put] if (
            0 < len(transport) <= _MAX_NAME
            and transport.isprintable()
            and 0 < len(offer) <= MAX_CONTAINER
            and not isinstance(until, bool)
            and 0 <= until <= _MAX_TIME
            and len(put) <= _MAX_BITMAP
        ):
            return OfferedContainer(transport=transport, offer=offer, until=until, put=put)
        case _:
            raise _malformed()


def _root(item: object) -> bytes:
    if not isinstance(item, bytes) or len(item) != ROOT_SIZE:
        raise _malformed()
    return item


def _index(item: object) -> int:
    if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= _MAX_INDEX:
        raise _malformed()
    return item


def _list(item: object, *, most: int) -> list[object]:
    if not isinstance(item, list) or len(cast("list[object]", item)) > most:
        raise _malformed()
    return cast("list[object]", item)


def _fields(item: object, count: int) -> list[object]:
    found = _list(item, most=count)
    if len(found) != count:
        raise _malformed()
    return found


def _decode(body: bytes, *, max_items: int, max_depth: int) -> object:
    try:
        return cbor.decode(body, max_items=max_items, max_depth=max_depth)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error


def _malformed() -> MalformedContent:
    return MalformedContent(problem="what it says of a file's parts has the wrong shape")
