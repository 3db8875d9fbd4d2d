"""What came out of a relay, made into envelopes for the host; and which of it the relay may delete then.

Everything here is a stranger's: the relay's, or whoever could put into the queue. Each envelope ends in one of three
ways: the relay may delete it; or it stays, to be offered again at a time; or it stays until it is too old, because the
host may want it later. What stays is bounded, so that nobody can fill a queue whose owner reads it
(docs/spec/relay.md, "Taking in").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.parts import Part
from balchat_relay_proto.sealing import CannotOpen, unseal

from balchat_host.api.errors import StorageFull, WorldError
from balchat_host.api.failures import contain
from balchat_host.api.transport import Disposition, TransportContext, Verdict
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.sources import Source

RETRIES: Final = (60.0, 600.0, 3600.0)
"""Seconds after which an envelope is offered again whose handling failed in a way that nobody foresaw. After the last
one it is deleted: what its sender cannot do without, they store again."""
FULL_RETRY: Final = 300.0
"""Seconds after which everything is offered again that our vault had no room for."""
_SOONEST: Final = 60.0
"""Seconds after which what stays is fetched again, at the earliest: all of the queue comes then."""
LONGEST: Final = 3600.0
"""Seconds; whatever a relay or the host says, each queue is asked for again after that."""
_MAX_NOTED: Final = 8192
"""Envelopes of one queue of which we remember why they stay; of more, some are offered earlier than they need be."""


@dataclass(slots=True)
class _Staying:
    """Why something stays at the relay: in which envelopes it lies, and the loop's time before which it is not offered.

    `counts`: it stays for its sender's sake alone, and so counts against what may stay. `failures`: how often
    handling it failed.
    """

    ids: tuple[bytes, ...]
    octets: int
    not_before: float = 0.0
    failures: int = 0
    counts: bool = False


@dataclass(frozen=True, slots=True)
class _Whole:
    """What a sender sealed, in one envelope or joined from the parts that came in several. `name` is its SHA-256."""

    name: bytes
    octets: bytes
    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a batch: the ids of what the relay may delete, and how many could not be opened or were no part.

    The relay may delete those, too.
    """

    done: Sequence[bytes]
    unreadable: int


class QueueReceiver:
    """Receives what came out of one queue."""

    def __init__(self, context: TransportContext, reassembly: Reassembly, *, relay: bytes, source: Source) -> None:
        self._context = context
        self._reassembly = reassembly
        self._source = source
        self._queue = relay + source.id
        self._turn = anyio.Lock()
        self._parts: dict[bytes, dict[int, bytes]] = {}
        """By whole and index, the id of the envelope that a part which waits came in."""
        self._staying: dict[bytes, _Staying] = {}
        """By the name of a whole; by an envelope's id where it could not even be opened."""
        self._next_offer = float("inf")
        reassembly.begin(self._queue)

    @property
    def next_offer(self) -> float:
        """The loop's time at which all of the queue shall be fetched again; infinite where nothing stays there."""
        return self._next_offer

    async def receive(self, sealed: Sequence[bytes]) -> Received:
        """Receive a batch, in order; return once what the relay may delete is durable.

        Raises WorldError where the vault takes nothing: then nothing was judged, and all of it is offered again.
        """
        async with self._turn:  # what is pushed, and what is fetched meanwhile
            done: list[bytes] = []
            unreadable = 0
            wholes: list[_Whole] = []
            for each in sealed:
                try:
                    whole = self._open(each, done)
                except (CannotOpen, Malformed):
                    unreadable += 1
                    done.append(envelope_id(each))
                else:
                    wholes += [] if whole is None else [whole]
            for whole, disposition in zip(wholes, await self._offer(wholes), strict=True):
                if disposition is None:
                    self._failed(whole.name, whole.ids, len(whole.octets), done)
                else:
                    self._settle(whole, disposition, done)
            self._bound(done)
            self._forget_oldest()
            return Received(done, unreadable)

    def offer_in(self, seconds: float) -> None:
        """Have everything fetched and offered again then, unless that is to happen earlier."""
        self._next_offer = min(self._next_offer, anyio.current_time() + min(max(seconds, _SOONEST), LONGEST))

    def begin_offer(self) -> None:
        """Hear that everything is being fetched now: what is due is to be offered when it comes."""
        now = anyio.current_time()
        for staying in self._staying.values():
            if staying.not_before <= now:
                staying.not_before = 0.0
        waiting = [staying.not_before for staying in self._staying.values() if staying.not_before]
        self._next_offer = min(waiting, default=float("inf"))

    # -- opening

    def _open(self, sealed: bytes, done: list[bytes]) -> _Whole | None:
        """Return the whole that an envelope completes, if it is to be offered now. Raises CannotOpen, Malformed."""
        identifier = envelope_id(sealed)
        if self._waits(identifier):
            return None
        try:
            whole = self._join(
                Part.from_octets(unseal(sealed, self._source.key, queue=self._source.id)), identifier, done
            )
        except (CannotOpen, Malformed):
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this envelope's
            contain("opening an envelope", error)
            self._failed(identifier, (identifier,), len(sealed), done)
            return None
        finally:
            for name in self._reassembly.take_given_up(self._queue):
                done += self._parts.pop(name, {}).values()
        self._staying.pop(identifier, None)  # it could be opened after all
        if whole is None:
            return None
        if self._waits(whole.name):
            self._replace(whole.name, whole.ids, done)
            return None
        return whole

    def _join(self, part: Part, identifier: bytes, done: list[bytes]) -> _Whole | None:
        octets = self._reassembly.add(self._queue, part, max_parts=self._source.max_parts)
        if part.count == 1:
            assert octets is not None, "the only part is the whole"
            return _Whole(part.whole_id, octets, (identifier,))
        of_whole = self._parts.setdefault(part.whole_id, {})
        earlier, of_whole[part.index] = of_whole.get(part.index, identifier), identifier
        if earlier != identifier:
            done.append(earlier)
        if octets is None:
            return None
        return _Whole(part.whole_id, octets, tuple(self._parts.pop(part.whole_id).values()))

    def _replace(self, name: bytes, ids: tuple[bytes, ...], done: list[bytes]) -> None:
        """Note in which envelopes something lies now; of copies, the newest is there for longest."""
        staying = self._staying[name]
        done += set(staying.ids) - set(ids)
        staying.ids = ids

    def _waits(self, name: bytes) -> bool:
        staying = self._staying.get(name)
        return staying is not None and staying.not_before > anyio.current_time()

    # -- offering

    async def _offer(self, wholes: Sequence[_Whole]) -> Sequence[Disposition | None]:
        """Hand them to the host; return None for each of which it cannot even say what becomes of it."""
        if not wholes:
            return []
        try:
            return await self._receive(wholes)
        except WorldError:
            raise
        except BaseException as error:  # noqa: BLE001  # it is one envelope's, and must not be the others'
            contain("receiving what came from a relay", error)
            if len(wholes) == 1:
                return [None]
        return [each for whole in wholes for each in await self._offer([whole])]

    async def _receive(self, wholes: Sequence[_Whole]) -> Sequence[Disposition]:
        dispositions = await self._context.receive(None, [whole.octets for whole in wholes])
        if len(dispositions) != len(wholes):
            raise ValueError("another number of answers than of envelopes")
        return dispositions

    def _settle(self, whole: _Whole, disposition: Disposition, done: list[bytes]) -> None:
        staying = self._staying.setdefault(whole.name, _Staying(whole.ids, len(whole.octets)))
        self._replace(whole.name, whole.ids, done)
        refused, wait = disposition.verdict is Verdict.REFUSED, disposition.retry_after
        if refused and disposition.reason == StorageFull.code:
            # A full disk of ours says nothing about the envelope.
            self._wait(staying, FULL_RETRY)
        elif refused and wait is not None:
            self._wait(staying, wait, counts=self._source.anybody)
        elif disposition.verdict is Verdict.IGNORED and not self._source.anybody:
            staying.counts = True
        else:
            self._drop(whole.name, done)

    def _failed(self, name: bytes, ids: tuple[bytes, ...], octets: int, done: list[bytes]) -> None:
        """Handling it failed, which may be our bug: it stays for a while, and is given up in the end."""
        staying = self._staying.setdefault(name, _Staying(ids, octets))
        self._replace(name, ids, done)
        if staying.failures == len(RETRIES):
            self._drop(name, done)
        else:
            self._wait(staying, RETRIES[staying.failures])
            staying.failures += 1

    def _wait(self, staying: _Staying, seconds: float, *, counts: bool = False) -> None:
        staying.counts = counts
        staying.not_before = anyio.current_time() + min(max(seconds, _SOONEST), LONGEST)
        self._next_offer = min(self._next_offer, staying.not_before)

    def _drop(self, name: bytes, done: list[bytes]) -> None:
        done += self._staying.pop(name).ids

    def _forget_oldest(self) -> None:
        """Remember only so much. What is forgotten still stays, and is offered whenever it comes."""
        while len(self._staying) > _MAX_NOTED:
            del self._staying[next(iter(self._staying))]

    def _bound(self, done: list[bytes]) -> None:
        """Give up the oldest of what stays for its sender's sake alone, where that is too much."""
        counting = [(name, staying) for name, staying in self._staying.items() if staying.counts]
        octets = sum(staying.octets for _, staying in counting)
        for number, (name, staying) in enumerate(counting):
            if len(counting) - number <= self._source.may_stay and octets <= self._source.octets_may_stay:
                return
            octets -= staying.octets
            self._drop(name, done)
