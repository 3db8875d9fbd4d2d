"""The conformance kit for networks: subclass `NetworkKit`, give it a bench, and get the suite.

    class TestPigeonNetwork(NetworkKit):
        @pytest.fixture
        def bench(self):
            return PigeonBench()

Tests ask the bench what it can do (`NetworkBench.capabilities`), never who it is. Where it matters they look from
outside: at who can be reached by `NetworkBench.look`, and at what lies in the files that the network wrote.
"""

from base64 import b64encode
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import token_bytes

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import PublishedService
from balchat_host.api.types import Phase
from balchat_host.testing.network_bench import (
    BULK,
    OTHER_PORT,
    PORT,
    NetworkBench,
    NetworkCapabilities,
    connected,
    made,
    published,
    receive_exactly,
    seed,
)
from balchat_host.testing.network_streams import StreamsOfNetworkTests
from balchat_host.testing.virtual_network import ignore_state, onion_of
from balchat_host.testing.waiting import PATIENCE, SeenStates, running

__all__ = ["NetworkBench", "NetworkCapabilities", "NetworkKit"]


@pytest.mark.anyio
class NetworkKit(StreamsOfNetworkTests):
    """What every network does."""

    async def test_it_comes_online_and_says_when_it_has_stopped(self, bench: NetworkBench) -> None:
        states = SeenStates()
        network = made(bench, states)
        assert network.state.phase is Phase.STOPPED
        async with running(network):
            await states.reach(Phase.ONLINE)
            assert network.state.phase is Phase.ONLINE
        assert network.state.phase is Phase.STOPPED
        assert states.all[-1].phase is Phase.STOPPED

    async def test_a_service_starts_and_comes_online(self, bench: NetworkBench) -> None:
        network, key, states = made(bench, ignore_state), seed(), SeenStates()
        async with running(network):
            assert not await bench.look(onion_of(key), PORT)
            service = await network.publish(key, PORT, on_state=states)
            await states.reach(Phase.ONLINE)
            assert states.all[0].phase is Phase.STARTING
            assert service.state.phase is Phase.ONLINE
            assert await bench.look(onion_of(key), PORT)

    async def test_octets_pass_both_ways_whole_and_in_order(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        there, back = token_bytes(BULK), token_bytes(BULK)
        async with running(alice, bob):
            ours, theirs = await connected(alice, await published(bob, key), key)
            async with ours, theirs, anyio.create_task_group() as tasks:
                tasks.start_soon(ours.send, there)
                tasks.start_soon(theirs.send, back)
                assert await receive_exactly(theirs, BULK) == there
                assert await receive_exactly(ours, BULK) == back

    async def test_each_dial_gets_a_stream_of_its_own(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running(alice, bob))
            service = await published(bob, key)
            pairs = [await connected(alice, service, key) for _ in range(3)]
            for number, (ours, _) in enumerate(pairs):
                await stack.enter_async_context(ours)
                await ours.send(bytes([number]) * 10)
            for number, (_, theirs) in enumerate(pairs):
                await stack.enter_async_context(theirs)
                assert await receive_exactly(theirs, 10) == bytes([number]) * 10

    async def test_dials_with_different_isolation_reach_the_same_peer(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            for isolation in ("", "one", "another"):
                ours, theirs = await connected(alice, service, key, isolation)
                async with ours, theirs:
                    await ours.send(b"hello")
                    assert await receive_exactly(theirs, 5) == b"hello"

    async def test_the_other_end_learns_of_an_end(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            for closed, left in ((0, 1), (1, 0)):
                ends = await connected(alice, service, key)
                await ends[closed].send(b"last words")
                assert await receive_exactly(ends[left], 10) == b"last words"
                await ends[closed].aclose()
                with anyio.fail_after(PATIENCE), pytest.raises(EndOfStream):
                    await ends[left].receive()
                with pytest.raises(ClosedResourceError):
                    await ends[closed].receive()
                await ends[left].aclose()

    async def test_nobody_there_is_said_so(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            await published(bob, key)
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(seed()), PORT, isolation="")
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(key), OTHER_PORT, isolation="")

    async def test_two_addresses_and_two_ports_are_told_apart(self, bench: NetworkBench) -> None:
        alice, bob, keys = made(bench, ignore_state), made(bench, ignore_state), (seed(), seed())
        async with running(alice, bob):
            addresses = [(key, port) for key in keys for port in (PORT, OTHER_PORT)]
            services = [await published(bob, key, port) for key, port in addresses]
            for (key, port), service in zip(addresses, services, strict=True):
                with anyio.fail_after(PATIENCE):
                    async with await alice.dial(onion_of(key), port, isolation=""), await service.accept():
                        pass

    async def test_what_is_done_to_one_service_ends_no_stream_of_another(self, bench: NetworkBench) -> None:
        alice, bob, keys = made(bench, ignore_state), made(bench, ignore_state), (seed(), seed())
        async with running(alice, bob):
            kept, closed = [await published(bob, key) for key in keys]
            ours, theirs = await connected(alice, kept, keys[0])
            async with ours, theirs:
                await closed.aclose()
                await published(bob, keys[1])
                await (await published(bob, keys[0], OTHER_PORT)).aclose()
                await ours.send(b"still")
                await theirs.send(b"there")
                assert await receive_exactly(theirs, 5) == b"still"
                assert await receive_exactly(ours, 5) == b"there"

    async def test_a_closed_service_is_gone(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._expect_closed, service)
                await anyio.wait_all_tasks_blocked()
                await service.aclose()
            await service.aclose()
            await self._expect_closed(service)
            assert service.state.phase is Phase.STOPPED
            assert not await bench.look(onion_of(key), PORT)
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(key), PORT, isolation="")

    async def test_a_closed_service_can_be_published_again(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            await (await published(bob, key)).aclose()
            ours, theirs = await connected(alice, await published(bob, key), key)
            async with ours, theirs:
                await theirs.send(b"again")
                assert await receive_exactly(ours, 5) == b"again"

    async def test_streams_that_nobody_accepts_are_bounded(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running(alice, bob))
            service = await published(bob, key)

            async def one_more() -> ByteStream:
                return await stack.enter_async_context(await alice.dial(onion_of(key), PORT, isolation=""))

            async def too_many() -> None:
                for _ in range(bench.backlog):
                    await one_more()
                await (await one_more()).receive()

            with anyio.fail_after(PATIENCE):
                with pytest.raises((PeerUnreachable, EndOfStream, BrokenResourceError)):
                    await too_many()
                await stack.enter_async_context(await service.accept())

    async def test_nothing_answers_after_its_end(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice):
            async with running(bob):
                service = await published(bob, key)
                ours, theirs = await connected(alice, service, key)
                await theirs.aclose()
            assert not await bench.look(onion_of(key), PORT)
            with anyio.fail_after(PATIENCE), pytest.raises((EndOfStream, BrokenResourceError)):
                await ours.receive()
            await ours.aclose()
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(key), PORT, isolation="")

    async def test_a_network_that_does_not_run_says_so(self, bench: NetworkBench) -> None:
        network = made(bench, ignore_state)
        async with running(network):
            pass
        with pytest.raises(NetworkUnavailable):
            await network.dial(onion_of(seed()), PORT, isolation="")
        with pytest.raises(NetworkUnavailable):
            await network.publish(seed(), PORT, on_state=ignore_state)

    async def test_nothing_of_a_key_is_written(self, bench: NetworkBench) -> None:
        network, key = made(bench, ignore_state), seed()
        async with running(network):
            await published(network, key)
            octets = key.reveal()
            forms = (octets, octets.hex().encode(), octets.hex().upper().encode(), b64encode(octets)[:42])
            written = await anyio.to_thread.run_sync(_read_all, bench.folders())
            assert not any(form in content for form in forms for content in written)

    async def test_the_doctor_finds_it_well(self, bench: NetworkBench) -> None:
        checks = await made(bench, ignore_state).checks()
        assert checks
        assert not [check for check in checks if check.problem]

    async def test_it_mends_itself_after_an_outage(self, bench: NetworkBench) -> None:
        if not bench.capabilities.outage:
            pytest.skip("the bench does not promise `outage`")
        states, service_states, key = SeenStates(), SeenStates(), seed()
        alice, bob = made(bench, ignore_state), made(bench, states)
        async with running(alice, bob):
            await states.reach(Phase.ONLINE)
            service = await bob.publish(key, PORT, on_state=service_states)
            await service_states.reach(Phase.ONLINE)
            ours, theirs = await connected(alice, service, key)
            await bench.take_away(bob)
            assert (await states.reach(Phase.DEGRADED)).reason
            assert (await service_states.reach(Phase.DEGRADED)).reason
            for end in (ours, theirs):
                with anyio.fail_after(PATIENCE), pytest.raises((EndOfStream, BrokenResourceError)):
                    await end.receive()
                await end.aclose()
            await bench.give_back(bob)
            await states.reach(Phase.ONLINE)
            await service_states.reach(Phase.ONLINE)
            ours, theirs = await connected(alice, service, key)
            async with ours, theirs:
                await ours.send(b"mended")
                assert await receive_exactly(theirs, 6) == b"mended"

    async def test_publishing_does_not_wait_for_the_network(self, bench: NetworkBench) -> None:
        if not bench.capabilities.outage:
            pytest.skip("the bench does not promise `outage`")
        states, service_states, key = SeenStates(), SeenStates(), seed()
        network = made(bench, states)
        async with running(network):
            await states.reach(Phase.ONLINE)
            await bench.take_away(network)
            await states.reach(Phase.DEGRADED)
            with anyio.move_on_after(PATIENCE) as patience:
                service = await network.publish(key, PORT, on_state=service_states)
                assert service.state.phase is not Phase.ONLINE
            assert not patience.cancelled_caught, "publish waits for a network that is away"
            await bench.give_back(network)
            await service_states.reach(Phase.ONLINE)
            assert await bench.look(onion_of(key), PORT)

    async def _expect_closed(self, service: PublishedService) -> None:
        with anyio.fail_after(PATIENCE), pytest.raises(ClosedResourceError):
            await service.accept()


def _read_all(folders: Sequence[Path]) -> list[bytes]:
    return [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
