"""What a transport keeps to whose envelopes lie in folders where others can write."""

import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes

import anyio
import pytest

from balchat_host.api.transport import Outcome
from balchat_host.testing.transport_kit.bench import TransportBench, accounts, deliver, needs
from balchat_host.testing.transport_kit.storing_base import SWOLLEN, StoringBase, again, files_in, swell

_SECRET = b"what others must not read"
_NUMBER = 10**11
"""What names that are numbers begin with: behind all that a test stores."""


@pytest.mark.anyio
class TamperingTests(StoringBase):
    """What a transport keeps to whose envelopes lie in folders where others can write."""

    async def test_what_was_changed_where_it_is_stored_is_not_taken(self, bench: TransportBench) -> None:
        self._needs_folders(bench)
        needs("proves_source", kept=bench.capabilities.proves_source)
        alice, bob, routes = await self.absent(bench)
        async with again(bench, alice, bob) as alice:
            sent = await alice.send(bob, b"as it was written", routes=routes)
            assert await alice.host.finals(sent) == [Outcome.STORED]
            await anyio.to_thread.run_sync(_change_all, bench.folders())
            async with again(bench, bob, alice) as restarted:
                await deliver(bench, alice, restarted, [b"as it was written, too"])
                await restarted.host.offered.until(lambda offered: b"as it was written, too" in offered)
                assert restarted.host.offered.all == [b"as it was written, too"], (
                    "it took what was changed where it lay: what proves who sent an envelope must prove its octets"
                )

    async def test_each_envelope_is_proven_for_itself(self, bench: TransportBench) -> None:
        self._needs_folders(bench)
        needs("proves_source", kept=bench.capabilities.proves_source)
        alice, bob, routes = await self.absent(bench)
        async with again(bench, alice, bob) as alice:
            # The middle one is of a size of its own, so its file can be told.
            middle = token_bytes(5000)
            sent = await alice.send(bob, b"the first", middle, b"the last", routes=routes)
            assert {*await alice.host.finals(sent)} == {Outcome.STORED}
            await anyio.to_thread.run_sync(_change_largest, bench.folders())
            async with again(bench, bob, alice) as restarted:
                await restarted.host.offered.until(lambda offered: b"the last" in offered)
                assert restarted.host.offered.all == [b"the first", b"the last"]

    async def test_however_much_lies_there_it_is_not_read_into_memory(self, bench: TransportBench) -> None:
        self._needs_folders(bench)
        alice, bob, routes = await self.absent(bench)
        async with again(bench, alice, bob) as alice:
            sent = await alice.send(bob, b"it was small", routes=routes)
            assert await alice.host.finals(sent) == [Outcome.STORED]
            await anyio.to_thread.run_sync(swell, bench.folders())
            tracemalloc.start()
            try:
                async with again(bench, bob, alice) as restarted:
                    await self.until_there_is_room(alice, restarted, routes, b"and is still")
                    await restarted.host.received.until(bool)
                most = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert most < SWOLLEN // 2, "it looks at the size when it has read all"
            assert restarted.host.offered.all == [b"and is still"]

    async def test_what_was_copied_to_another_place_is_not_taken(self, bench: TransportBench) -> None:
        self._needs_folders(bench)
        needs("proves_source", kept=bench.capabilities.proves_source)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 2) as (bob, carol):
                routes = await bob.routes_for(alice)
                await carol.routes_for(alice)
            sent = await alice.send(bob, b"for Bob alone", routes=routes)
            assert await alice.host.finals(sent) == [Outcome.STORED]
            await anyio.to_thread.run_sync(_copy_everywhere, bench.folders())
            async with again(bench, carol, alice) as restarted:
                await deliver(bench, alice, restarted, [b"for Carol"])
                await restarted.host.offered.until(lambda offered: b"for Carol" in offered)
                assert restarted.host.offered.all == [b"for Carol"], (
                    "it took what was sent to somebody else: what proves who sent an envelope must prove to whom"
                )

    async def test_what_is_no_file_of_its_own_ends_nothing(self, bench: TransportBench) -> None:
        self._needs_folders(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"the way is there"])
            await bob.host.receives(b"the way is there")
            await anyio.to_thread.run_sync(_litter, bench.folders())
            for envelope in (b"in spite of it", b"and again"):
                await deliver(bench, alice, bob, [envelope])
            await bob.host.receives(b"the way is there", b"in spite of it", b"and again")
            assert _SECRET not in bob.host.offered.all, "it followed a link to a file of somebody else"

    @classmethod
    def _needs_folders(cls, bench: TransportBench) -> None:
        cls.needs_storing(bench)
        needs("folders", kept=bool(bench.folders()))


def _change_all(folders: Sequence[Path]) -> None:
    """Change the last octet of each file."""
    for path in files_in(folders):
        octets = path.read_bytes()
        path.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]) if octets else b"?")


def _change_largest(folders: Sequence[Path]) -> None:
    """Change an octet in the middle of the largest file."""
    largest = max(files_in(folders), key=lambda path: path.stat().st_size)
    octets = bytearray(largest.read_bytes())
    octets[len(octets) // 2] ^= 1
    largest.write_bytes(octets)


def _copy_everywhere(folders: Sequence[Path]) -> None:
    """Copy each file into each folder where there is none with its name."""
    places = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_dir()]
    for file in files_in(folders):
        for place in places:
            if not (place / file.name).exists():
                (place / file.name).write_bytes(file.read_bytes())


def _litter(folders: Sequence[Path]) -> None:
    """Put into each folder what is no envelope: a folder, an empty file, a pipe, links to nothing and elsewhere."""
    secret = folders[0] / "of somebody else"
    secret.write_bytes(_SECRET)
    for place in [path for folder in folders for path in (folder, *folder.rglob("*")) if path.is_dir()]:
        for number, name in enumerate(("folder", "empty", "pipe", "nowhere", "elsewhere")):
            for path in (place / name, place / str(_NUMBER + number)):
                match name:
                    case "folder":
                        path.mkdir()
                    case "empty":
                        path.touch()
                    case "pipe":
                        os.mkfifo(path)
                    case _:
                        path.symlink_to(secret if name == "elsewhere" else place / "nobody")
