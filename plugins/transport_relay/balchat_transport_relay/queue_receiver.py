"""Opens what came out of a queue, offers it to the host, and decides what the relay may delete.

Nothing here can be trusted: it comes from the relay, or from anybody who can put into the queue. The relay may delete
an envelope; or it stays and is offered again at a certain time; or it stays until it is too old, because the host may
want it later. What stays is bounded, so that nobody can fill a queue whose owner reads it (docs/spec/relay.md,
"Receiving").
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
from balchat_host.api.types import OnionKey
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.sources import Source

RETRIES: Final = (60.0, 600.0, 3600.0)
"""Seconds after which to offer an envelope again after an unexpected exception. After the last one it is deleted; its
sender stores it again if it matters."""
FULL_RETRY: Final = 300.0
"""Seconds after which to offer again what our vault had no room for."""
_SOONEST: Final = 60.0
"""Least seconds after which to fetch again what stays: that fetches all of the queue."""
LONGEST: Final = 3600.0
"""Most seconds to wait, whatever a relay or the host says."""
_MAX_NOTED: Final = 8192
"""How many envelopes of one queue we remember. Those that we forget are offered earlier than necessary."""


@dataclass(slots=True)
class _Staying:
    """Why something stays at the relay: the ids of its envelopes, and the loop's time before which not to offer it.

    `counts`: it stays for its sender only, and counts against the bound. `failures`: how often handling it failed.
    """

    ids: tuple[bytes, ...]
    octets: int
    not_before: float = 0.0
    failures: int = 0
    counts: bool = False


@dataclass(frozen=True, slots=True)
class _Whole:
    """What a sender sealed, from one envelope or joined from parts. `name` is its SHA-256."""

    name: bytes
    octets: bytes
    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """The result of a batch: the ids that the relay may delete, and how many of them could not be opened."""

    done: Sequence[bytes]
    unreadable: int


class QueueReceiver:
    """Receives what came out of one queue."""

    def __init__(self, context: TransportContext, reassembly: Reassembly, *, relay: bytes, source: Source) -> None:
        self._context = context
        self._reassembly = reassembly
        self._source = source
        self._relay = OnionKey(relay)
        self._queue = relay + source.id
        self._turn = anyio.Lock()
        self._parts: dict[bytes, dict[int, bytes]] = {}
        """For each part that waits, by whole and index, the id of its envelope."""
        self._staying: dict[bytes, _Staying] = {}
        """By the name of a whole, or by an envelope's id where it could not be opened."""
        self._next_offer = float("inf")
        reassembly.begin(self._queue)

    @property
    def next_offer(self) -> float:
        """The loop's time at which to fetch all of the queue again; infinite where nothing is to be offered."""
        return self._next_offer

    async def receive(self, sealed: Sequence[bytes]) -> Received:
        """Receive a batch, in order. Return once what the relay may delete is durable.

        Raise WorldError where the vault takes nothing. Then nothing was decided, and all of it is offered again.
        """
        async with self._turn:  # a push and a fetch can come at the same time
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
        """Set `next_offer` to then, unless it is earlier."""
        self._next_offer = min(self._next_offer, anyio.current_time() + min(max(seconds, _SOONEST), LONGEST))

    def begin_offer(self) -> None:
        """Note that everything is being fetched now. What is due is offered when it comes."""
        now = anyio.current_time()
        for staying in self._staying.values():
            if staying.not_before <= now:
                staying.not_before = 0.0
        waiting = [staying.not_before for staying in self._staying.values() if staying.not_before]
        self._next_offer = min(waiting, default=float("inf"))

    # -- opening

    def _open(self, sealed: bytes, done: list[bytes]) -> _Whole | None:
        """Return the whole that an envelope completes, where it is to be offered now. Raise CannotOpen, Malformed."""
        identifier = envelope_id(sealed)
        if self._waits(identifier):
            return None
        try:
            whole = self._join(
                Part.from_octets(unseal(sealed, self._source.key, queue=self._source.id)), identifier, done
            )
        except (CannotOpen, Malformed):
            raise
        except BaseException as error:  # noqa: BLE001  # the other envelopes go on
            contain("opening an envelope", error)
            self._failed(identifier, (identifier,), len(sealed), done)
            return None
        finally:
            for name in self._reassembly.take_given_up(self._queue):
                done += self._parts.pop(name, {}).values()
        self._staying.pop(identifier, None)  # this time it could be opened
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
        """Note the envelopes of something that stays. Of copies keep the newest, which the relay keeps longest."""
        staying = self._staying[name]
        done += set(staying.ids) - set(ids)
        staying.ids = ids

    def _waits(self, name: bytes) -> bool:
        staying = self._staying.get(name)
        return staying is not None and staying.not_before > anyio.current_time()

    # -- offering

    async def _offer(self, wholes: Sequence[_Whole]) -> Sequence[Disposition | None]:
        """Offer them to the host. Return None for each that raised an unexpected exception."""
        if not wholes:
            return []
        try:
            return await self._receive(wholes)
        except WorldError:
            raise
        except BaseException as error:  # noqa: BLE001  # one envelope must not stop the others
            contain("receiving what came from a relay", error)
            if len(wholes) == 1:
                return [None]
        return [each for whole in wholes for each in await self._offer([whole])]

    async def _receive(self, wholes: Sequence[_Whole]) -> Sequence[Disposition]:
        dispositions = await self._context.receive(None, [whole.octets for whole in wholes], relay=self._relay)
        if len(dispositions) != len(wholes):
            raise ValueError("the number of answers is not the number of envelopes")
        return dispositions

    def _settle(self, whole: _Whole, disposition: Disposition, done: list[bytes]) -> None:
        staying = self._staying.setdefault(whole.name, _Staying(whole.ids, len(whole.octets)))
        self._replace(whole.name, whole.ids, done)
        refused, wait = disposition.verdict is Verdict.REFUSED, disposition.retry_after
        if refused and disposition.reason == StorageFull.code:
            # Our full disk says nothing about the envelope.
            self._wait(staying, FULL_RETRY)
        elif refused and wait is not None:
            self._wait(staying, wait, counts=self._source.anybody)
        elif disposition.verdict is Verdict.IGNORED and not self._source.anybody:
            staying.counts = True
        else:
            self._drop(whole.name, done)

    def _failed(self, name: bytes, ids: tuple[bytes, ...], octets: int, done: list[bytes]) -> None:
        """Keep it for some time, since the failure may be our bug, and then give it up."""
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
        """Bound what we remember. What we forget still stays at the relay, and is offered whenever it comes."""
        while len(self._staying) > _MAX_NOTED:
            del self._staying[next(iter(self._staying))]

    def _bound(self, done: list[bytes]) -> None:
        """Give up the oldest of what stays for its sender only, where that is too much."""
        counting = [(name, staying) for name, staying in self._staying.items() if staying.counts]
        octets = sum(staying.octets for _, staying in counting)
        for number, (name, staying) in enumerate(counting):
            if len(counting) - number <= self._source.may_stay and octets <= self._source.octets_may_stay:
                return
            octets -= staying.octets
            self._drop(name, done)
