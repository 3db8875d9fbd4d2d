"""Faults of what a network writes to the disk."""

from __future__ import annotations

from hashlib import sha512

import anyio
from anyio import TASK_STATUS_IGNORED

from balchat_host.api.errors import PeerUnreachable
from balchat_host.testing.virtual_network import onion_of
from tests.kits.network_faults.faulty_network import FaultyNode, FaultyStream


class WritesKeys(FaultyNode):
    """Writes the key of what it publishes to the disk."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def publish(self, key, port, *, on_state):
        (self.folder / "state").write_text(f"key = {key.reveal().hex()}")  # not the fault meant here
        return await super().publish(key, port, on_state=on_state)


class WritesExpandedKeys(FaultyNode):
    """Writes the key of what it publishes to the disk in the form that tor keeps it in."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def publish(self, key, port, *, on_state):
        await anyio.Path(self.folder / "key").write_bytes(sha512(key.reveal()).digest())
        return await super().publish(key, port, on_state=on_state)


class WritesWhomItDials(FaultyNode):
    """Keeps the addresses that it has dialled in a file."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def dial(self, address, port, *, isolation):
        await anyio.Path(self.folder / "known").write_text(address.onion)
        return await super().dial(address, port, isolation=isolation)


class WritesIsolations(FaultyNode):
    """Writes to the disk what a stream is isolated by, which may be the name of a peer."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def dial(self, address, port, *, isolation):
        await anyio.Path(self.folder / "circuits").write_text(isolation)
        return await super().dial(address, port, isolation=isolation)


class WritesWhatPasses(FaultyNode):
    """Keeps what streams carry in a file."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def dial(self, address, port, *, isolation):
        stream = Writing(await super().dial(address, port, isolation=isolation))
        stream.path = anyio.Path(self.folder / "buffer")
        return stream


class Writing(FaultyStream):
    async def send(self, item) -> None:
        await self.path.write_bytes(item)
        await self.stream.send(item)


class WritesWhomItDidNotReach(FaultyNode):
    """Keeps in a file whom it could not reach, so as not to try again too soon."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable:
            await anyio.Path(self.folder / "failed").write_bytes(address.octets)
            raise


class NamesFilesAfterAddresses(FaultyNode):
    """Makes a file for each address that it publishes, which has its name."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def publish(self, key, port, *, on_state):
        await anyio.Path(self.folder / onion_of(key).octets.hex()).touch()
        return await super().publish(key, port, on_state=on_state)


class WritesKeysWhenItEnds(FaultyNode):
    """Writes its keys to the disk when it ends."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        self.keys = []
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.Path(self.folder / f"keys-{id(self)}").write_bytes(b"".join(self.keys))

    async def publish(self, key, port, *, on_state):
        self.keys.append(key.reveal())
        return await super().publish(key, port, on_state=on_state)


class WritesKeysForAMoment(FaultyNode):
    """Writes the key of what it publishes to a file, and removes that once it is published."""

    caught_by = "test_nothing_of_what_is_private_is_written"

    async def publish(self, key, port, *, on_state):
        path = anyio.Path(self.folder / "for-a-moment")
        await path.write_bytes(key.reveal())
        service = await super().publish(key, port, on_state=on_state)
        await path.unlink()
        return service
