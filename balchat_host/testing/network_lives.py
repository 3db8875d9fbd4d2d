"""What every network keeps to when it starts, ends, and loses what it works with."""

import threading
from contextlib import suppress
from typing import Final

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network
from balchat_host.api.types import OnionKey, Phase, ServiceState
from balchat_host.testing.network_bench import (
    PORT,
    NetworkBench,
    connected,
    made,
    names,
    published,
    receive_exactly,
    seed,
    told_by,
)
from balchat_host.testing.network_pair import NetworkKitBase, Pair
from balchat_host.testing.virtual_network import ignore_state, onion_of
from balchat_host.testing.waiting import PATIENCE, Seen, SeenStates, running

END_LIMIT: Final = 20.0
"""Seconds in which a network must have ended: the host waits no longer."""


@pytest.mark.anyio
class LivesOfNetworkTests(NetworkKitBase):
    """Part of NetworkKit."""

    async def test_it_comes_online_and_says_when_it_has_stopped(self, bench: NetworkBench) -> None:
        states, threads = SeenStates(), set[int]()

        def on_state(state: ServiceState) -> None:
            threads.add(threading.get_ident())
            states(state)

        network = made(bench, on_state)
        assert network.state.phase is Phase.STOPPED
        async with running(network):
            await states.reach(Phase.ONLINE)
            phases = [state.phase for state in states.all]
            assert Phase.STARTING not in phases[phases.index(Phase.ONLINE) :], "it was not online yet"
            assert network.state.phase is Phase.ONLINE
            told = anyio.current_time()
        assert anyio.current_time() - told < END_LIMIT, "it goes on when it is cancelled; the host waits for 20 s"
        assert network.state.phase is Phase.STOPPED
        assert states.all[-1].phase is Phase.STOPPED
        assert threads == {threading.get_ident()}, "on_state is called from another thread"

    async def test_a_network_that_does_not_run_says_so(self, bench: NetworkBench) -> None:
        ended = made(bench, ignore_state)
        async with anyio.create_task_group() as tasks, running(ended):
            tasks.start_soon(self._expect_no_stream, ended)
            await anyio.wait_all_tasks_blocked()
        key = seed()
        for network in (made(bench, ignore_state), ended):
            with anyio.fail_after(PATIENCE), pytest.raises(NetworkUnavailable) as dialled:
                await network.dial(onion_of(key), PORT, isolation="")
            with pytest.raises(NetworkUnavailable) as refused:
                await network.publish(key, PORT, on_state=ignore_state)
            for raised in (dialled, refused):
                assert not names(told_by(raised.value), onion_of(key)), "an error names an address"

    async def test_the_doctor_finds_it_well(self, bench: NetworkBench, pair: Pair) -> None:
        stopped = made(bench, ignore_state)
        for network in (stopped, pair.alice):
            checks = await network.checks()
            assert checks
            assert not [check for check in checks if check.problem]
        assert stopped.state.phase is Phase.STOPPED
        await pair.states.reach(Phase.ONLINE)  # what has just come up may be away again for a moment
        assert pair.alice.state.phase is Phase.ONLINE

    async def test_it_mends_itself_after_an_outage(self, bench: NetworkBench, pair: Pair) -> None:
        if not bench.capabilities.outage:
            pytest.skip("the bench does not promise `outage`")
        async with pair.third() as third:
            states, service, service_states = third.states, third.service, third.shared.states
            ours, theirs = await connected(pair.alice, service, third.key)
            accepted = Seen[ByteStream]()

            async def accept() -> None:
                accepted(await service.accept())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(accept)
                await anyio.wait_all_tasks_blocked()
                await bench.take_away(third.network)
                assert (await states.reach(Phase.DEGRADED)).reason
                assert (await service_states.reach(Phase.DEGRADED)).reason
                assert (third.network.state.phase, service.state.phase) == (Phase.DEGRADED, Phase.DEGRADED)
                for end in (ours, theirs):
                    with anyio.fail_after(PATIENCE), pytest.raises((EndOfStream, BrokenResourceError)):
                        await end.receive()
                    await end.aclose()
                await bench.give_back(third.network)
                await states.reach(Phase.ONLINE)
                await service_states.reach(Phase.ONLINE)
                with anyio.fail_after(PATIENCE):
                    ours = await pair.alice.dial(onion_of(third.key), PORT, isolation="")
                (theirs,) = await accepted.until(bool)
            async with ours, theirs:
                await ours.send(b"mended")
                assert await receive_exactly(theirs, 6) == b"mended"
            told = " ".join(str(state.reason) for state in [*states.all, *service_states.all])
            assert not names(told, onion_of(third.key)), "a reason names an address"

    async def test_publishing_does_not_wait_for_the_network(self, bench: NetworkBench, pair: Pair) -> None:
        if not bench.capabilities.outage:
            pytest.skip("the bench does not promise `outage`")
        service_states, key, other, early = SeenStates(), seed(), seed(), seed()
        async with pair.third() as third:
            closed_meanwhile = await published(third.network, early)
            await bench.take_away(third.network)
            await third.states.reach(Phase.DEGRADED)
            with anyio.move_on_after(PATIENCE) as patience:
                service = await third.network.publish(key, PORT, on_state=service_states)
                assert service.state.phase is not Phase.ONLINE
                closed = await third.network.publish(other, PORT, on_state=ignore_state)
                await closed.aclose()
                await closed_meanwhile.aclose()
            assert not patience.cancelled_caught, "publish waits for a network that is away"
            await bench.give_back(third.network)
            await service_states.reach(Phase.ONLINE)
            assert await bench.look(onion_of(key), PORT)
            await anyio.wait_all_tasks_blocked()
            for gone in (other, early):
                assert not await bench.look(onion_of(gone), PORT), "what was closed in an outage is back after it"

    async def test_a_dial_that_waits_holds_up_no_other(self, bench: NetworkBench, pair: Pair) -> None:
        if not bench.capabilities.outage:
            pytest.skip("the bench does not promise `outage`")
        async with pair.third() as third:
            await bench.take_away(third.network)
            await third.states.reach(Phase.DEGRADED)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._dial_in_vain, pair.alice, onion_of(third.key))
                await anyio.wait_all_tasks_blocked()
                for end in await pair.connected():
                    await end.aclose()
                tasks.cancel_scope.cancel()
            await bench.give_back(third.network)
            await third.states.reach(Phase.ONLINE)

    @staticmethod
    async def _dial_in_vain(network: Network, address: OnionKey) -> None:
        with suppress(PeerUnreachable):
            await (await network.dial(address, PORT, isolation="")).aclose()

    async def _expect_no_stream(self, network: Network) -> None:
        with anyio.fail_after(PATIENCE), pytest.raises((NetworkUnavailable, PeerUnreachable)):
            await network.dial(onion_of(seed()), PORT, isolation="")
