"""What contacts say of files, made by hand and with each field wrong, as it comes inside MLS: nobody else's file is
touched, nothing is shown, and of what is told all counts or nothing."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from balchat_common import cbor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balchat_host.core import content
from balchat_host.core.files import listing
from balchat_host.core.files.shape import Shape
from balchat_host.core.messages.compose import compose
from balchat_host.testing.app_kit.files import made_up, write
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from balchat_host.testing.peer import Peer

THEIRS, OURS = Shape(1_000_000), Shape(200_000)
LIVES = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


class Scene:
    """Alice, who fetches a file of Bob's and one of Carol's, and has offered one to Bob. All examples share it."""

    def __init__(self) -> None:
        self.alice = MemoryAccount("Alice")
        self.bob, self.carol = self.alice.befriend("Bob"), self.alice.befriend("Carol")
        self.theirs = self._fetched(self.bob, THEIRS.size)
        self.carols = self._fetched(self.carol, THEIRS.size)
        self.ours = asyncio.run(self._offered())

    def _fetched(self, peer: Peer, size: int) -> bytes:
        file = peer.offer("harbour.bin", made_up(size, size))
        asyncio.run(self.alice.app.files.fetch(file.id))
        ((root,),) = self.read("SELECT root FROM file ORDER BY id DESC LIMIT 1")
        return root

    async def _offered(self) -> bytes:
        file = await write(self.alice.app, "ours.bin", made_up(OURS.size))
        await self.alice.app.messages.send("Bob", "", files=[file.id])
        ((root,),) = self.read("SELECT root FROM file ORDER BY id DESC LIMIT 1")
        return root

    def read(self, query: str) -> list[Any]:
        return list(self.alice.read(lambda tx: tx.query(query)))

    def sources(self) -> dict[bytes, list[tuple[str, bytes, int, bytes]]]:
        found: dict[bytes, list[tuple[str, bytes, int, bytes]]] = {}
        for root, *source in self.read(
            "SELECT root, transport, offer, until, put FROM file_source JOIN file ON file.id = file"
            " ORDER BY file_source.id"
        ):
            found.setdefault(root, []).append((source[0], source[1], source[2], source[3]))
        return found

    def others(self) -> list[Any]:
        """Return what nothing that is tried here changes."""
        return [
            self.read("SELECT id, peer, root, state, name, size, parts FROM file"),
            self.read("SELECT count(*) FROM message"),
            self.read("SELECT count(*) FROM manifest"),
            self.read("SELECT count(*) FROM file_container"),
        ]


@cache
def scene() -> Scene:
    return Scene()


def one_of(right: st.SearchStrategy[Any], *wrong: object) -> st.SearchStrategy[tuple[Any, bool]]:
    """Draw a value, mostly a right one, and whether it is."""
    good = right.map(lambda value: (value, True))
    return mostly(good, st.sampled_from([(value, False) for value in wrong]))


def mostly(good: st.SearchStrategy[Any], *bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw from the first, once in some twenty times from another. `one_of` would take each as often."""
    return st.sampled_from([*[good] * 20, *bad]).flatmap(lambda chosen: chosen)


def all_of(*fields: st.SearchStrategy[tuple[Any, bool]]) -> st.SearchStrategy[tuple[Any, bool]]:
    """Draw an array of fields, sometimes with one too few or too many."""
    whole = st.tuples(*fields).map(lambda drawn: ([value for value, _ in drawn], all(right for _, right in drawn)))
    return mostly(
        whole,
        whole.map(lambda drawn: (drawn[0][:-1], False)),
        whole.map(lambda drawn: ([*drawn[0], 0], False)),
    )


def list_of(item: st.SearchStrategy[tuple[Any, bool]], *, most: int) -> st.SearchStrategy[tuple[Any, bool]]:
    drawn = st.lists(item, max_size=most + 1)
    return drawn.map(
        lambda items: ([value for value, _ in items], len(items) <= most and all(right for _, right in items))
    )


roots = one_of(st.sampled_from(["theirs", "carols", "ours", "nobodys"]), 0, None, b"", bytes(31), bytes(33), "a" * 32)
puts = st.sampled_from([b"", b"\x01", b"\x1f", b"\xff\xff", b"\xff\xff\x01", b"\x00\x00\x02", bytes(9), b"\xff" * 2000])
containers = all_of(
    one_of(st.sampled_from(["transport_relay", "other"]), "", "x" * 65, "\x1b[2J", b"relay", 1),
    one_of(st.sampled_from([b"o", b"p", bytes(256)]), b"", bytes(257), "o", None),
    one_of(st.sampled_from([0, 2**53]), -1, 2**53 + 1, True, b"", 2.5),
    one_of(puts, bytes(2_100), "", 7),
)
parts = list_of(all_of(roots, list_of(containers, most=3)), most=4)
progress = all_of(
    mostly(st.just(("ours", True)), roots, roots, roots, roots, roots),
    one_of(puts, bytes(2_100), 1, None),
    list_of(one_of(st.integers(0, 2**32 - 1), -1, 2**32, True, b""), most=64),
    one_of(st.booleans(), 0, 1, None),
)


def named(value: Any, of: Scene) -> Any:
    """Return what was drawn with roots in the place of their names."""
    match value:
        case "theirs" | "carols" | "ours":
            return getattr(of, value)
        case "nobodys":
            return bytes(32)
        case list():
            return [named(each, of) for each in value]
        case _:
            return value


def is_bitmap(put: bytes, shape: Shape) -> bool:
    return len(put) <= shape.parts // 8 + 1 and int.from_bytes(put, "little") < 2 ** (shape.parts + 1)


@pytest.mark.fuzz
@LIVES
@given(parts, st.sampled_from(["bob", "carol"]))
def test_of_where_parts_lie_all_is_noted_of_their_own_file_or_nothing(drawn: tuple[Any, bool], who: str) -> None:
    at = scene()
    said, right = named(drawn[0], at), drawn[1]
    own, shape = (at.theirs if who == "bob" else at.carols), THEIRS
    before, others = at.sources(), at.others()
    if right and said and len({each[0] for each in said}) == len(said):
        for root, listed in said:
            if root == own and all(is_bitmap(each[3], shape) for each in listed):
                first = {
                    (transport, offer): (transport, offer, until, put)
                    for transport, offer, until, put in reversed(listed)
                }
                before[own] = [first[key] for key in dict.fromkeys((each[0], each[1]) for each in listed)]
    getattr(at, who).write_content(content.FILE_PARTS, cbor.encode(said))
    assert at.sources() == {root: listed for root, listed in before.items() if listed}
    assert at.others() == others


@pytest.mark.fuzz
@LIVES
@given(progress, st.sampled_from(["bob", "bob", "carol"]))
def test_progress_counts_for_who_is_offered_the_file(drawn: tuple[Any, bool], who: str) -> None:
    at = scene()
    said, right = named(drawn[0], at), drawn[1]
    query = (
        "SELECT contact.name, root, confirmed FROM file_recipient JOIN file ON file.id = file"
        " JOIN contact ON contact.peer = file_recipient.peer"
    )
    # What is confirmed stays so, and would hide what the next example says.
    at.alice.change(lambda unit: unit.tx.execute("DELETE FROM file_recipient"))
    before, sources, others = at.read(query), at.sources(), at.others()
    getattr(at, who).write_content(content.FILE_PROGRESS, cbor.encode(said))
    after = at.read(query)
    if not (right and who == "bob" and said[0] == at.ours and is_bitmap(said[1], OURS)):
        assert after == before
    for name, root, confirmed in after:
        assert (name, root, is_bitmap(confirmed, OURS)) == ("Bob", at.ours, True)
    assert (at.sources(), at.others()) == (sources, others)


@pytest.mark.fuzz
@LIVES
@given(list_of(roots, most=32), st.sampled_from(["bob", "carol"]))
def test_received_counts_for_who_is_offered_the_file(drawn: tuple[Any, bool], who: str) -> None:
    at = scene()
    said, right = named(drawn[0], at), drawn[1]
    query = (
        "SELECT contact.name, root FROM file_receipt JOIN file ON file.id = file"
        " JOIN contact ON contact.peer = file_receipt.peer"
    )
    before, others = at.read(query), at.others()
    getattr(at, who).write_content(content.FILES_RECEIVED, cbor.encode(said))
    counts = right and who == "bob" and at.ours in said
    assert at.read(query) == ([("Bob", at.ours)] if counts else before)
    assert at.others() == others


def test_of_a_file_that_is_offered_again_and_again_a_notice_speaks_of_the_newest() -> None:
    # Whoever offers one file in a hundred messages could have a notice of 32 files write ten thousand rows.
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    bob.offer("harbour.bin", made_up(1000))
    (file,) = bob.core.read(lambda tx: listing.newest(tx, None, limit=1))
    us = alice.peer.octets.hex()
    for _ in range(40):
        bob.core.change(lambda unit: compose(unit, us, "again", files=[file.id]))
    bob.write("That is all.")
    offered = alice.read(lambda tx: tx.query("SELECT id, root FROM file ORDER BY id DESC"))
    assert len(offered) == 41
    containers = [["transport_relay", bytes([number]), 2**53, b"\x01"] for number in range(3)]
    bob.write_content(content.FILE_PARTS, cbor.encode([[offered[0][1], containers]]))
    told = {number for (number,) in alice.read(lambda tx: tx.query("SELECT DISTINCT file FROM file_source"))}
    assert told == {number for number, _ in offered[:4]}
