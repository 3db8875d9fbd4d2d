"""What every network keeps to when it publishes and dials."""

import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from hashlib import sha512
from pathlib import Path
from secrets import token_bytes
from typing import Final

import anyio
import pytest
from anyio import TASK_STATUS_IGNORED, BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.network import PublishedService
from balchat_host.api.types import OnionKey, Phase, Secret, ServiceState
from balchat_host.testing.audit import confide, overhear
from balchat_host.testing.network_bench import (
    GIVE_UPS,
    MOST_TURNS,
    OTHER_PORT,
    PORT,
    NetworkBench,
    connected,
    made,
    names,
    published,
    receive_exactly,
    seed,
    told_by,
    turns,
)
from balchat_host.testing.network_pair import NetworkKitBase, Pair
from balchat_host.testing.removed_files import removed_files
from balchat_host.testing.spellings import stands_in
from balchat_host.testing.virtual_network import ignore_state, onion_of
from balchat_host.testing.waiting import PATIENCE, SeenStates, running, unwrapped

NO_KEY: Final = OnionKey(b"\xff" * 32)
"""An address whose octets are the key of nobody: they are no point of the curve (RFC 8032, section 5.1.3)."""
GIVEN_UP: Final = 8
"""How many dials are given up. A network may keep something of a dial, but not of each."""
_SETTLING: Final = 10
"""Turns of the event loop."""
_LOOK_EVERY: Final = 0.5
"""Seconds."""
_OPEN: Final = Path("/proc/self/fd")
_ENDED: Final = (EndOfStream, BrokenResourceError)


@pytest.mark.anyio
class ServicesOfNetworkTests(NetworkKitBase):
    """Part of NetworkKit."""

    async def test_a_service_starts_and_comes_online(self, bench: NetworkBench, pair: Pair) -> None:
        key, states, threads = seed(), SeenStates(), set[int]()

        def on_state(state: ServiceState) -> None:
            threads.add(threading.get_ident())
            states(state)

        assert not await bench.look(onion_of(key), PORT)
        service = await pair.bob.publish(key, PORT, on_state=on_state)
        await states.reach(Phase.ONLINE)
        assert states.all[0].phase is Phase.STARTING
        assert service.state.phase is Phase.ONLINE
        assert await bench.look(onion_of(key), PORT)
        for shown in (service, pair.bob):
            overhear("a repr", f"of {type(shown).__name__}", repr(shown))
        await service.aclose()
        await anyio.wait_all_tasks_blocked()
        phases = [state.phase for state in states.all]
        assert (phases.count(Phase.STOPPED), phases[-1]) == (1, Phase.STOPPED)
        assert not names(repr(states.all), onion_of(key)), "a state names an address"
        assert threads == {threading.get_ident()}, "on_state is called from another thread"

    async def test_each_dial_gets_a_stream_of_its_own(self, pair: Pair) -> None:
        theirs: list[ByteStream] = []

        async def dial(name: bytes, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
            async with await pair.alice.dial(onion_of(pair.key), PORT, isolation="") as ours:
                task_status.started()
                await ours.send(name)
                assert await receive_exactly(ours, 10) == name

        async def answer() -> None:
            stream = await pair.service.accept()
            theirs.append(stream)
            await stream.send(await receive_exactly(stream, 10))

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                await tasks.start(dial, b"the first ")
                for name in (b"the second", b"the third "):  # at the same time
                    tasks.start_soon(dial, name)
                for _ in range(3):
                    tasks.start_soon(answer)
        for stream in theirs:
            await stream.aclose()

    async def test_dials_with_different_isolation_reach_the_same_peer(self, pair: Pair) -> None:
        chance = [token_bytes(16).hex() for _ in range(2)]
        for isolation in ("", f"{chance[0]} ä:\n\0", chance[1] * 20):
            confide("an isolation", isolation[:32].encode())
            ours, theirs = await pair.connected(isolation=isolation)
            async with ours, theirs:
                await ours.send(b"hello")
                assert await receive_exactly(theirs, 5) == b"hello"

    async def test_nobody_there_is_said_so(self, pair: Pair) -> None:
        isolation = token_bytes(16).hex()
        for address, port in ((onion_of(seed()), PORT), (onion_of(pair.key), OTHER_PORT), (NO_KEY, PORT)):
            with anyio.fail_after(PATIENCE), pytest.raises(PeerUnreachable) as raised:
                await pair.alice.dial(address, port, isolation=isolation)
            told = told_by(raised.value)
            assert not names(told, address), "an error names an address"
            assert isolation not in told, "an error names an isolation"

    async def test_dials_that_are_given_up_leave_nothing(self, pair: Pair) -> None:
        before = await held()
        for number in range(GIVEN_UP):
            returned = False
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_cancel_after, scope, number)
                    async with await pair.alice.dial(onion_of(pair.key), PORT, isolation=""):
                        returned = True
                        await anyio.sleep_forever()
            assert scope.cancelled_caught or returned
        # Whoever answers may have had some of them, all of which end.
        theirs: list[ByteStream] = []
        ours, last = await pair.connected()
        await ours.send(b"the last one")
        while True:
            with suppress(*_ENDED):
                if await receive_exactly(last, 12) == b"the last one":
                    break
            theirs.append(last)
            with anyio.fail_after(PATIENCE):
                last = await pair.service.accept()
        for stream in (*theirs, ours, last):
            await stream.aclose()
        await expect_little_more(before, "something of each dial is left")

    async def test_dials_that_fail_leave_nothing(self, pair: Pair) -> None:
        before = await held()
        async with anyio.create_task_group() as tasks:
            for _ in range(GIVEN_UP):
                tasks.start_soon(self._expect_unreachable, pair, onion_of(pair.key), OTHER_PORT)
        await expect_little_more(before, "something of each dial that failed is left")

    async def test_a_stream_that_comes_while_waiting_is_given_up_is_not_lost(self, pair: Pair) -> None:
        accepted: list[ByteStream] = []

        async def accept() -> None:
            while True:
                accepted.append(await pair.service.accept())

        async with AsyncExitStack() as stack:
            for number in range(GIVE_UPS):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(accept)
                    with anyio.fail_after(PATIENCE):
                        ours = await pair.alice.dial(onion_of(pair.key), PORT, isolation="")
                    await stack.enter_async_context(ours)
                    await turns(number % MOST_TURNS)
                    tasks.cancel_scope.cancel()
            with anyio.move_on_after(PATIENCE):
                while len(accepted) < GIVE_UPS:
                    accepted.append(await pair.service.accept())
            for theirs in accepted:
                await stack.enter_async_context(theirs)
        assert len(accepted) == GIVE_UPS, "whoever gives up waiting takes a stream along"

    async def test_a_publication_that_is_given_up_leaves_nothing(self, bench: NetworkBench, pair: Pair) -> None:
        before, keys = await held(), [seed() for _ in range(GIVEN_UP)]
        for number, key in enumerate(keys):
            services: list[PublishedService] = []
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_cancel_after, scope, number)
                    services.append(await pair.bob.publish(key, PORT, on_state=ignore_state))
                    tasks.cancel_scope.cancel()
            for service in services:
                await service.aclose()
        async with anyio.create_task_group() as tasks:
            for key in keys:
                tasks.start_soon(self._expect_nobody, bench, key)
        await expect_little_more(before, "something of each publication is left")

    async def test_two_addresses_and_two_ports_are_told_apart(self, pair: Pair) -> None:
        said: list[bytes] = []
        async with AsyncExitStack() as stack:
            shared = await pair.all_shared()
            with anyio.fail_after(PATIENCE):
                for each in shared:
                    ours = await pair.alice.dial(onion_of(each.key), each.port, isolation="")
                    await stack.enter_async_context(ours)
                    said.append(token_bytes(10))
                    await ours.send(said[-1])
                for each, name in reversed(list(zip(shared, said, strict=True))):
                    theirs = await stack.enter_async_context(await each.service.accept())
                    assert await receive_exactly(theirs, 10) == name

    async def test_what_is_done_to_one_service_leaves_another_alone(self, bench: NetworkBench, pair: Pair) -> None:
        kept, closed = await pair.spare(), await pair.spare()
        ours, theirs = await connected(pair.alice, kept.service, kept.key)
        async with ours, theirs:
            await closed.service.aclose()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._publish_and_close, pair, seed(), PORT)
                tasks.start_soon(self._publish_and_close, pair, kept.key, OTHER_PORT)
            await ours.send(b"still")
            await theirs.send(b"there")
            assert await receive_exactly(theirs, 5) == b"still"
            assert await receive_exactly(ours, 5) == b"there"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kept.states.reach, Phase.ONLINE)
            # Now, since who stands between the two may need a moment to learn that it is closed.
            tasks.start_soon(self._expect_gone, bench, pair, closed.key)
        for end in await connected(pair.alice, kept.service, kept.key):
            await end.aclose()

    async def test_a_closed_service_ends_and_can_be_published_again(self, pair: Pair) -> None:
        spare = await pair.spare()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._expect_closed, spare.service)
            await anyio.wait_all_tasks_blocked()
            for _ in range(2):
                await spare.service.aclose()
        await self._expect_closed(spare.service)
        assert spare.service.state.phase is Phase.STOPPED
        for end in await pair.connected():  # what else it publishes is there
            await end.aclose()
        ours, theirs = await connected(pair.alice, await published(pair.bob, spare.key), spare.key)
        async with ours, theirs:
            await theirs.send(b"again")
            assert await receive_exactly(ours, 5) == b"again"

    async def test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service(
        self, bench: NetworkBench, pair: Pair
    ) -> None:
        spare = await pair.spare()
        key, service = spare.key, spare.service
        async with AsyncExitStack() as stack:

            async def one_more() -> ByteStream:
                return await stack.enter_async_context(await pair.alice.dial(onion_of(key), PORT, isolation=""))

            async def too_many() -> None:
                for _ in range(bench.backlog - 1):
                    await one_more()
                await (await one_more()).receive()

            with anyio.fail_after(PATIENCE):
                # What cannot be dialled at all would look like what is bounded.
                await (await one_more()).send(b"the first")
                with pytest.raises((PeerUnreachable, *_ENDED)):
                    await too_many()
                for end in await pair.connected():  # what waits here turns nobody away elsewhere
                    await end.aclose()
                first = await stack.enter_async_context(await service.accept())
                assert await receive_exactly(first, 9) == b"the first", "it is the newest that is turned away"
                waiting = await one_more()
                await service.aclose()
                await self._expect_closed(service)
                with pytest.raises(_ENDED):
                    await waiting.receive()

    async def test_one_network_ends_and_another_starts_beside_it(self, bench: NetworkBench, pair: Pair) -> None:
        ours, theirs = await pair.connected()
        async with ours, theirs, anyio.create_task_group() as tasks, pair.third() as third:
            ends = await connected(pair.alice, third.service, third.key)
            await ends[1].aclose()
            tasks.start_soon(self._expect_closed, third.service)
            await anyio.wait_all_tasks_blocked()
            await third.end()
            assert third.service.state.phase is Phase.STOPPED
            await third.service.aclose()
            with anyio.fail_after(PATIENCE), pytest.raises(_ENDED):
                await ends[0].receive()
            await ends[0].aclose()
            fourth = made(bench, ignore_state)
            async with running(fourth):
                # It is not there yet, and so the dial waits.
                for end in await connected(fourth, pair.service, pair.key):
                    await end.aclose()
            await ours.send(b"still here")
            assert await receive_exactly(theirs, 10) == b"still here"
            # Now, since who stands between the two may need a moment to learn that it has ended.
            await self._expect_gone(bench, pair, third.key)
            await _expect_nothing_written(bench, pair)

    async def test_nothing_of_what_is_private_is_written(self, bench: NetworkBench, pair: Pair) -> None:
        isolation, said, key = token_bytes(16).hex(), token_bytes(16), seed()
        with removed_files() as removed:
            service = await published(pair.bob, key)
            ours, theirs = await pair.connected(isolation=isolation)
            async with ours, theirs:
                await ours.send(said)
                assert await receive_exactly(theirs, 16) == said
            with pytest.raises(PeerUnreachable):
                await pair.alice.dial(NO_KEY, PORT, isolation=isolation)
            await service.aclose()
        private = [NO_KEY.octets, said, isolation.encode(), *_shown_by(key)]
        assert not any(stands_in(octets, *removed) for octets in private), "it was written, and removed again"
        await _expect_nothing_written(bench, pair, *private)

    async def _expect_unreachable(self, pair: Pair, address: OnionKey, port: int) -> None:
        with anyio.fail_after(PATIENCE), pytest.raises(PeerUnreachable):
            await pair.alice.dial(address, port, isolation="")

    async def _expect_closed(self, service: PublishedService) -> None:
        with anyio.fail_after(PATIENCE), pytest.raises(ClosedResourceError):
            await service.accept()

    async def _expect_gone(self, bench: NetworkBench, pair: Pair, key: Secret) -> None:
        async def dial() -> None:
            # By another way than before, of which the network might not yet know that it leads nowhere.
            with anyio.fail_after(PATIENCE), pytest.raises(PeerUnreachable):
                await pair.alice.dial(onion_of(key), PORT, isolation="another way")

        with unwrapped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dial)
                assert not await bench.look(onion_of(key), PORT)

    async def _expect_nobody(self, bench: NetworkBench, key: Secret) -> None:
        assert not await bench.look(onion_of(key), PORT), "it answers, though nobody has the service"

    async def _publish_and_close(self, pair: Pair, key: Secret, port: int) -> None:
        await (await published(pair.bob, key, port)).aclose()


def _shown_by(key: Secret) -> Sequence[bytes]:
    """Return what of a key tells of it."""
    address = onion_of(key)
    expanded = sha512(key.reveal()).digest()
    return [key.reveal(), expanded[32:], address.octets]  # in base32, they begin its name


async def _expect_nothing_written(bench: NetworkBench, pair: Pair, *private: bytes) -> None:
    """Look for keys, addresses, and what else is private, in every file of the bench."""
    looked_for = [*private]
    for key in pair.all_keys:
        looked_for += _shown_by(key)
    written = await anyio.to_thread.run_sync(_read_all, bench.folders())
    assert not any(stands_in(octets, *written) for octets in looked_for)


async def expect_little_more(before: int, problem: str) -> None:
    """Wait until hardly more is held than before: a network may need a moment to end what was closed."""
    # Looks are counted: a clock that jumps passes every deadline while a thread counts.
    for _ in range(int(PATIENCE / _LOOK_EVERY)):
        if await held() - before < GIVEN_UP:
            return
        await anyio.sleep(_LOOK_EVERY)
    pytest.fail(problem)


async def held() -> int:
    """Count tasks and open files, once what ends at once has ended."""
    await turns(_SETTLING)
    return len(anyio.get_running_tasks()) + await anyio.to_thread.run_sync(_count_open)


def _count_open() -> int:
    return sum(1 for _ in _OPEN.iterdir()) if _OPEN.is_dir() else 0


async def _cancel_after(scope: anyio.CancelScope, count: int) -> None:
    await turns(count)
    scope.cancel()


def _read_all(folders: Sequence[Path]) -> list[bytes]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    contents: list[bytes] = []
    for path in files:
        with suppress(FileNotFoundError):  # it has just been replaced
            contents.append(path.name.encode() + path.read_bytes())
    return contents
