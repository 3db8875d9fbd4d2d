"""What to ask a peer for next, over however many streams. No I/O here.

Rules
-----
- Files take turns, so that a large one keeps no small one waiting.
- A file's manifest is asked for first, and its parts right behind it on the same stream; on other streams only once the
  manifest is here, since no part can be checked before.
- A part is asked for on one stream, or at one relay, at a time. What it did not bring is asked for again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from balchat_host.core.files.shape import MAX_PART_SIZE, Shape, bits_of
from balchat_host.runtime.files.part_store import WantedFile
from balchat_host.runtime.files.pull_protocol import MAX_COUNT

REQUEST_SIZE: Final = MAX_PART_SIZE
"""Octets of parts that one request asks for, at most, where that is more than one part."""


@dataclass(eq=False)
class PlannedFile:
    """A file that is being pulled. `durable`: parts of it that are here."""

    wanted: WantedFile
    shape: Shape
    missing: deque[range]
    durable: int
    has_manifest: bool
    asked_by: object = None
    """The stream that asks for the manifest."""

    @property
    def number(self) -> int:
        """What the store calls it."""
        return self.wanted.number


@dataclass(frozen=True, slots=True)
class Planned:
    """The next request: for the manifest where `parts` is None."""

    file: PlannedFile
    parts: range | None


class PullPlan:
    """The files that are wanted of one peer, and what of them to ask for next."""

    def __init__(self) -> None:
        self._files: dict[int, PlannedFile] = {}
        self._turns: deque[int] = deque()

    @property
    def files(self) -> Sequence[PlannedFile]:
        """The files that are wanted, as they are now."""
        return list(self._files.values())

    @property
    def numbers(self) -> Sequence[int]:
        """The files that are wanted."""
        return list(self._files)

    def add(self, wanted: WantedFile, missing: Sequence[range]) -> None:
        """Want a file, of which these parts are missing."""
        if wanted.number in self._files or not missing:
            return
        shape = Shape(wanted.size)
        durable = shape.parts - sum(len(run) for run in missing)
        self._files[wanted.number] = PlannedFile(wanted, shape, deque(missing), durable, wanted.has_manifest)
        self._turns.append(wanted.number)

    def keep_only(self, numbers: Iterable[int]) -> None:
        """Want no other files any more: they were paused, cancelled or removed, or are whole."""
        keep = set(numbers)
        for number in [each for each in self._files if each not in keep]:
            self.drop(number)

    def drop(self, number: int) -> None:
        """Want a file no more."""
        if self._files.pop(number, None) is not None:
            self._turns.remove(number)

    def wants(self, file: PlannedFile) -> bool:
        """Return whether a file is still wanted."""
        return self._files.get(file.number) is file

    def left(self) -> int:
        """Return how many octets are not asked for yet, of files whose manifests are here."""
        return sum(
            len(run) * file.shape.part_size
            for file in self._files.values()
            if file.has_manifest
            for run in file.missing
        )

    def next(self, stream: object) -> Planned | None:
        """Return what to ask for next on a stream, or None where there is nothing for it."""
        for _ in range(len(self._turns)):
            file = self._files[self._turns[0]]
            self._turns.rotate(-1)
            if (planned := self._of(file, stream)) is not None:
                return planned
        return None

    def _of(self, file: PlannedFile, stream: object) -> Planned | None:
        if not file.has_manifest:
            if file.asked_by is None:
                file.asked_by = stream
                self._turns.rotate(1)  # its parts come right behind it
                return Planned(file, None)
            if file.asked_by is not stream:
                return None
        if not file.missing:
            return None
        run = file.missing.popleft()
        count = min(len(run), max(1, REQUEST_SIZE // file.shape.part_size), MAX_COUNT)
        if rest := run[count:]:
            file.missing.appendleft(rest)
        return Planned(file, run[:count])

    def next_part(self, asker: object, choose: Callable[[PlannedFile, int], int | None]) -> Planned | None:
        """Return one part that `asker` may ask for, or a manifest; None where there is none.

        `choose` is given a file and a number whose bits are the parts that are missing, and returns one of them or
        None. The manifest is the part with the number of parts. Parts of a file come once its manifest is here.
        """
        for _ in range(len(self._turns)):
            file = self._files[self._turns[0]]
            self._turns.rotate(-1)
            if not file.has_manifest:
                if file.asked_by is None and choose(file, 1 << file.shape.parts) is not None:
                    file.asked_by = asker
                    return Planned(file, None)
            elif (index := choose(file, sum(map(bits_of, file.missing)))) is not None:
                return _take(file, index)
        return None

    def manifest_came(self, file: PlannedFile) -> None:
        """Note that a file's manifest is here."""
        file.has_manifest = True

    def part_came(self, file: PlannedFile) -> None:
        """Note that one more part of a file is durable."""
        file.durable += 1

    def give_back(self, planned: Planned) -> None:
        """Note that a request, or what is left of it, was not answered: it is asked for again."""
        file = planned.file
        if planned.parts is None:
            file.asked_by = None
        elif planned.parts:
            file.missing.appendleft(planned.parts)


def _take(file: PlannedFile, index: int) -> Planned:
    place = next(place for place, run in enumerate(file.missing) if index in run)
    run = file.missing[place]
    before, after = range(run.start, index), range(index + 1, run.stop)
    file.missing.rotate(-place)
    file.missing.popleft()
    file.missing.extendleft(rest for rest in (after, before) if rest)
    file.missing.rotate(place)
    return Planned(file, range(index, index + 1))
