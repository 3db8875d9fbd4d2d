"""Faults of parts of files: who may do what, when, and what the audit finds."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import anyio
from anyio import to_thread

from balchat_host.api.errors import PartRefused, PeerUnreachable
from balchat_host.api.transport import BlobContainer
from tests.kits.blob_faults.faulty_blobs import FaultyBlobs, FaultyForTheAudit
from tests.kits.drop_blobs import KEY, OFFER, TAG_SIZE, named, secret_of

APART = "test_containers_share_nothing"
AWAY = "test_parts_are_there_while_whoever_put_them_is_away"
OFFERED = "test_an_offer_that_cannot_be_used_is_its_senders_fault"
EARLY = "test_nothing_is_put_or_got_before_it_runs"
LATE = "test_nothing_is_put_or_got_when_it_has_stopped"
ALONE = "test_who_has_the_offer_alone_changes_nothing"

logger = logging.getLogger(__name__)


# -- who may do what


class KeepsTheKeysInMemory(FaultyBlobs):
    """Knows only the containers that it has made since it started."""

    caught_by = AWAY

    def __init__(self, context, folder, *, threads) -> None:
        super().__init__(context, folder, threads=threads)
        self.made: set[bytes] = set()

    def container(self, secret) -> BlobContainer:
        self.made.add(secret)
        return super().container(secret)

    def opened(self, key) -> bytes:
        reading = super().opened(key)
        if secret_of(KEY, key) not in self.made:
            raise PeerUnreachable(problem="there is no such container")
        return reading


class ServesThemItself(FaultyBlobs):
    """Gives parts only while whoever has put them is up."""

    caught_by = AWAY

    def __init__(self, context, folder, *, threads) -> None:
        super().__init__(context, folder, threads=threads)
        self.places: set[Path] = set()

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for place in filter(Path.is_dir, self.places):
                self.remove_place(place)

    def put(self, reading, index, octets, now) -> None:
        self.places.add(self.place(reading))
        super().put(reading, index, octets, now)


class TheOfferIsTheKey(FaultyBlobs):
    """Offers the key."""

    caught_by = APART

    def container(self, secret) -> BlobContainer:
        return BlobContainer(key=named(KEY, secret), offer=named(KEY, secret))

    async def get_blob(self, peer, offer, index, size):
        secret = secret_of(KEY, offer) or b""
        return await super().get_blob(peer, named(OFFER, self.reading(secret)), index, size)


class TheOfferHoldsTheKey(FaultyBlobs):
    """Offers the key with something around it."""

    caught_by = APART

    def container(self, secret) -> BlobContainer:
        made = super().container(secret)
        return BlobContainer(key=made.key, offer=made.offer + made.key)

    async def get_blob(self, peer, offer, index, size):
        return await super().get_blob(peer, offer[: len(offer) // 2], index, size)


class WhoReadsMayDelete(FaultyBlobs):
    """Deletes for whoever has the offer."""

    caught_by = ALONE

    async def delete_blobs(self, peer, key, indexes) -> None:
        self.must_run()
        reading = secret_of(OFFER, key) or self.opened(key)
        await self.on_disk(self.delete, reading, list(indexes))


class WhoReadsMayPut(FaultyBlobs):
    """Puts for whoever has the offer."""

    caught_by = ALONE

    def opened(self, key) -> bytes:
        return secret_of(OFFER, key) or super().opened(key)

    async def delete_blobs(self, peer, key, indexes) -> None:
        if secret_of(OFFER, key) is None:
            await super().delete_blobs(peer, key, indexes)


class TheKeyReads(FaultyBlobs):
    """Gives parts to whoever shows a key in place of an offer."""

    caught_by = OFFERED

    async def get_blob(self, peer, offer, index, size):
        secret = secret_of(KEY, offer)
        offer = offer if secret is None else named(OFFER, self.reading(secret))
        return await super().get_blob(peer, offer, index, size)


class CallsABadOfferAbsent(FaultyBlobs):
    """Says of an offer that cannot be read that the part is not there yet: the host would ask for ever."""

    caught_by = OFFERED

    async def get_blob(self, peer, offer, index, size):
        if secret_of(OFFER, offer) is None:
            self.must_run()
            return None
        return await super().get_blob(peer, offer, index, size)


class NeverChecksTheSize(FaultyBlobs):
    """Gives a part of another size than was asked for."""

    caught_by = OFFERED

    def unsealed(self, reading, index, sealed, size) -> bytes:
        return super().unsealed(reading, index, sealed, len(sealed) - TAG_SIZE)

    def most(self, size) -> int:
        return -1


class CutsToTheSize(FaultyBlobs):
    """Gives as much of a larger part as was asked for."""

    caught_by = OFFERED

    def unsealed(self, reading, index, sealed, size) -> bytes:
        octets = super().unsealed(reading, index, sealed, len(sealed) - TAG_SIZE)[:size]
        if len(octets) < size:
            raise PartRefused(problem="it is smaller")
        return octets

    def most(self, size) -> int:
        return -1


class ShowsTheOffer(FaultyBlobs):
    """Shows an offer in an error."""

    caught_by = OFFERED
    audited = True
    tells = "the text of an error with an offer of parts of a file in it"

    async def get_blob(self, peer, offer, index, size):
        try:
            return await super().get_blob(peer, offer, index, size)
        except PartRefused:
            raise PartRefused(problem=f"it is not what {offer.hex()} offers") from None


# -- its life


class WorksBeforeItRuns(FaultyBlobs):
    """Gives containers and parts before it runs, and when it has stopped."""

    caught_by = EARLY

    def must_run(self) -> None:
        pass


class WorksWhenItHasStopped(FaultyBlobs):
    """Gives and puts parts when it has stopped."""

    caught_by = LATE

    def must_run(self) -> None:
        if not self.ran:
            super().must_run()


class DeletesWhenItHasStopped(FaultyBlobs):
    """Says that it has deleted something when it does not run."""

    caught_by = LATE

    async def delete_blobs(self, peer, key, indexes) -> None:
        if self.running:
            await super().delete_blobs(peer, key, indexes)
        elif not self.ran:
            self.must_run()


# -- what the audit finds


class LogsParts(FaultyForTheAudit):
    """Logs what parts hold."""

    def put(self, reading, index, octets, now) -> None:
        logger.debug("a part begins with %r", octets[:200])
        super().put(reading, index, octets, now)


class LogsKeys(FaultyForTheAudit):
    """Logs the keys of containers."""

    tells = "a log line with a container's key in it"

    def opened(self, key) -> bytes:
        logger.debug("the container %s", key.hex())
        return super().opened(key)


class LogsSecrets(FaultyForTheAudit):
    """Logs what is in an offer."""

    tells = "a log line with an offer of parts of a file in it"

    def unsealed(self, reading, index, sealed, size) -> bytes:
        logger.debug("unsealing with %r", reading)
        return super().unsealed(reading, index, sealed, size)


class NamesFilesForKeys(FaultyForTheAudit):
    """Gives files the names of the keys of their containers."""

    tells = "the name of a file with a container's key in it"
    key = b""

    def opened(self, key) -> bytes:
        self.key = key
        return super().opened(key)

    def put(self, reading, index, octets, now) -> None:
        super().put(reading, index, octets, now)
        (self.place(reading) / self.key.hex()).touch()


class ReadsInTheLoop(FaultyForTheAudit):
    """Reads parts in the event loop."""

    async def get_blob(self, peer, offer, index, size):
        self.must_run()
        reading = secret_of(OFFER, offer) or b""
        sealed = self.get(reading, index, size, self.now())
        await anyio.lowlevel.checkpoint()
        return None if sealed is None else self.unsealed(reading, index, sealed, size)


class KeepsACopyOutside(FaultyForTheAudit):
    """Keeps a copy of each part among temporary files."""

    def put(self, reading, index, octets, now) -> None:
        path = Path(tempfile.gettempdir()) / f"balchat-part-{os.getpid()}-{index}"
        self.ended.append(path)
        path.write_bytes(octets)
        super().put(reading, index, octets, now)


class LeavesFilesOpen(FaultyForTheAudit):
    """Never closes the files that it reads."""

    def get(self, reading, index, size, now):
        octets = super().get(reading, index, size, now)
        if octets:
            self.ended.append(os.open(self.file(reading, index), os.O_RDONLY))
        return octets


class GoesPastDial(FaultyForTheAudit):
    """Asks somebody else for parts, past the host's `dial`."""

    async def get_blob(self, peer, offer, index, size):
        with suppress(OSError):
            await to_thread.run_sync(socket.create_connection, ("127.0.0.1", 9))
        return await super().get_blob(peer, offer, index, size)


class LeavesATaskForEachPart(FaultyForTheAudit):
    """Leaves a task behind for each part that it puts."""

    async def put_blob(self, peer, key, index, octets):
        self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))
        return await super().put_blob(peer, key, index, octets)
