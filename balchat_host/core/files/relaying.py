"""What is to be done at relays for somebody who may not get our files directly: what to put, to delete, to renew.

Parts of a file lie in *containers* (`containers`), one at each relay of ours at most, for each recipient
(`relay_recipients`) apart: whoever never fetches holds up nobody, and no relay can tell that two get the same.

- No more than a *window* of a recipient's parts lies at relays. What they confirm is deleted there, and more is put.
- Files get containers when there is room for them: however many wait, only those in the window cost anything.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from balchat_host.api.types import PeerId
from balchat_host.core.files import containers, relay_recipients
from balchat_host.core.files.containers import Container
from balchat_host.core.files.part_bitmaps import bitmap, blob_of
from balchat_host.core.files.relay_recipients import Recipient
from balchat_host.core.files.shape import Bitmap, Shape, bits_of, indexes
from balchat_host.core.unit_of_work import UnitOfWork

_AT_ONCE: Final = 32
"""Containers that are allocated, emptied, or renewed, and files of which it is told how far they are, in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A part to put. `stored_as` and `shape` say where it is here; `index` is the number of parts for the manifest.

    `recipient` is the number of the `Recipient` that it is for.
    """

    container: Container
    recipient: int
    file: int
    index: int
    shape: Shape
    stored_as: str

    @property
    def blob(self) -> int:
        """The number of its blob."""
        return blob_of(self.shape.parts, self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done for one recipient.

    `allocate` are the files that need containers; `delete` what to delete by the numbers of blobs; `there` how many
    octets of which file, of which size, they have confirmed. `full`: nothing more is put before they confirm.
    """

    allocate: Sequence[int]
    put: Sequence[Put]
    delete: Sequence[tuple[Container, Sequence[int]]]
    renew: Sequence[Container]
    there: Sequence[tuple[str, int, int]]
    full: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do now."""
        return not (self.allocate or self.put or self.delete or self.renew)


def work(
    unit: UnitOfWork,
    peer: PeerId,
    *,
    window: int,
    limit: int,
    resting: Collection[int] = (),
    full: Collection[int] = (),
) -> Work:
    """Return what is to be done for a recipient, and note which parts are tried.

    `window` is in octets, `limit` for parts. `resting` are containers that are not to be used now, `full` those into
    which nothing is to be put.
    """
    relay_recipients.forget_silent(unit, peer)
    recipients = {each.file: each for each in relay_recipients.with_containers(unit, peer)}
    kept: dict[int, list[Container]] = {number: [] for number in recipients}
    delete: list[tuple[Container, Sequence[int]]] = []
    renew: list[Container] = []
    for container in _there_still(unit, peer, recipients):
        recipient = recipients.get(container.file or 0)
        if recipient is not None:
            kept[recipient.file].append(container)
        if container.number in resting:
            continue
        if needless := _needless(container, recipient):
            delete.append((container, needless))
        if recipient is not None and container.is_used and container.until - unit.now < container.kept // 2:
            renew.append(container)
    chosen = _choose(recipients.values(), kept, _Choice(window=window, limit=limit, unusable={*resting, *full}))
    for container, parts in _by_container(chosen.put):
        containers.note_tried(unit, container, parts[0].shape, [each.index for each in parts])
    allocate: list[int] = []
    if chosen.may_have_more:
        # Those that had some whose time is over are among them.
        waiting = relay_recipients.without_containers(unit, peer, limit=_AT_ONCE)
        allocate = [each.file for each in waiting]
    return Work(
        allocate=allocate,
        put=chosen.put,
        delete=delete[:_AT_ONCE],
        renew=renew[:_AT_ONCE],
        there=_there(recipients.values()),
        full=chosen.full,
    )


def put(unit: UnitOfWork, done: Put, *, kept: int) -> None:
    """Note that a part lies in its container, all of which is kept for so many milliseconds from now on."""
    containers.put(unit, done.container.number, done.shape, done.index, kept=kept)
    relay_recipients.note_put(unit, done.recipient, done.shape, done.index)


def _left(recipient: Recipient, mine: Sequence[Container]) -> Iterator[int]:
    """Return the parts that are to be put, the manifest first: without it nothing can be checked."""
    passed_over = recipient.confirmed.bits | recipient.put_lately.bits
    for each in mine:
        passed_over |= Bitmap(0, each.put).bits
    left = bits_of(range(recipient.shape.parts + 1)) & ~passed_over
    manifest = 1 << recipient.shape.parts
    return chain(indexes(left & manifest), indexes(left & ~manifest))


class _Choice:
    """Parts that are chosen to be put. `held`: octets that lie at relays, or will; `full`: the window is."""

    def __init__(self, *, window: int, limit: int, unusable: Collection[int]) -> None:
        self.put: list[Put] = []
        self.held = 0
        self.full = False
        self._stuck = False
        self._window = window
        self._limit = limit
        self._unusable = unusable

    @property
    def may_have_more(self) -> bool:
        """Whether there is room for files without containers; not where those that are there take nothing."""
        return len(self.put) < self._limit and not self.full and not self._stuck

    def add(self, recipient: Recipient, mine: Sequence[Container]) -> None:
        """Choose parts of a file that has these containers."""
        left = [] if self.full else list(islice(_left(recipient, mine), self._limit - len(self.put)))
        into = next((each for each in mine if each.number not in self._unusable), None)
        if into is None:
            self._stuck |= bool(left and mine)
            return
        tried = [bitmap(recipient.shape, each.tried) for each in mine]
        for index in left:
            if not any(index in each for each in tried):
                if self.held and self.held + recipient.shape.part_size > self._window:
                    self.full = True
                    return
                self.held += recipient.shape.part_size
            self.put.append(_put(recipient, into, index))


def _choose(recipients: Collection[Recipient], kept: Mapping[int, Sequence[Container]], chosen: _Choice) -> _Choice:
    for each in recipients:
        chosen.held += each.shape.part_size * sum(Bitmap(0, container.tried).count for container in kept[each.file])
    for each in recipients:
        if not each.stopped:
            chosen.add(each, kept[each.file])
    return chosen


def _put(recipient: Recipient, container: Container, index: int) -> Put:
    return Put(
        container=container,
        recipient=recipient.number,
        file=recipient.file,
        index=index,
        shape=recipient.shape,
        stored_as=recipient.stored_as,
    )


def _by_container(put: Sequence[Put]) -> list[tuple[Container, list[Put]]]:
    found: dict[int, tuple[Container, list[Put]]] = {}
    for each in put:
        found.setdefault(each.container.number, (each.container, []))[1].append(each)
    return list(found.values())


def _there_still(unit: UnitOfWork, peer: PeerId, recipients: Mapping[int, Recipient]) -> list[Container]:
    """Return the containers for somebody; forget those in which nothing lies any more and nothing is to be put."""
    found: list[Container] = []
    for container in containers.of_peer(unit.tx, peer):
        if container.until <= unit.now or (container.file not in recipients and not any(container.tried)):
            containers.gone(unit, container.number)
        else:
            found.append(container)
    return found


def _needless(container: Container, recipient: Recipient | None) -> list[int]:
    """Return the parts in a container that nobody needs any more."""
    tried = Bitmap(0, container.tried).bits
    return list(indexes(tried if recipient is None else tried & recipient.confirmed.bits))


def _there(recipients: Collection[Recipient]) -> list[tuple[str, int, int]]:
    unfinished = [each for each in recipients if each.confirmed.count <= each.shape.parts]
    return [(each.file_id.hex(), each.shape.size, _octets(each)) for each in unfinished[:_AT_ONCE]]


def _octets(recipient: Recipient) -> int:
    shape, confirmed = recipient.shape, recipient.confirmed
    return min(shape.size, (confirmed.count - (shape.parts in confirmed)) * shape.part_size)
