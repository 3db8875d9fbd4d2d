"""Networks that many tests share: starting them and being found takes most of the time of a slow network.

A pair runs all the time, and no test ends or hinders it. A third network is there for tests that do, one after another.

A pair is audited from before its networks start until after they have ended, and so is each test that uses it. What
was done, a line in the log for example, fails the test that did it. A network may keep something open between two
streams, a connection to somebody for example, so what is left after a test fails at the end, with the test's name.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
import pytest
from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import Phase, Secret
from balchat_host.testing.audit import Audit, Leak, audited
from balchat_host.testing.audit.kit import AuditedKit
from balchat_host.testing.limits import start_limit
from balchat_host.testing.network_bench import (
    OTHER_PORT,
    PORT,
    NetworkBench,
    confide_key,
    connected,
    made,
    seed,
)
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import PATIENCE, SeenStates, unwrapped

_SPARES: Final = 4
"""How many services that a test may end are published beforehand: as many as the tests of the kit end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A service that is published for several tests."""

    key: Secret
    port: int
    service: PublishedService
    states: SeenStates


class Third:
    """A network that a test may take away or end, and a service that it publishes. Lent by `Pair.third`."""

    def __init__(self, bench: NetworkBench, key: Secret) -> None:
        self.states = SeenStates()
        self.network = made(bench, self.states)
        self.key = key
        self._shared: Shared | None = None
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    @property
    def service(self) -> PublishedService:
        """What it publishes at `key`."""
        return self.shared.service

    @property
    def shared(self) -> Shared:
        """Its service, with the states that it told."""
        assert self._shared is not None, "it does not run yet"
        return self._shared

    @property
    def ended(self) -> bool:
        """Whether a test has ended it."""
        return self._scope.cancel_called

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run until a test ends it, and publish."""
        try:
            with self._scope:
                await self.network.run(task_status=task_status)
        finally:
            self._ended.set()

    async def publish(self) -> None:
        """Publish its service."""
        self._shared = await _publish(self.network, self.key, PORT)

    async def end(self) -> None:
        """Cancel it and wait for its end. Raise TimeoutError."""
        self._scope.cancel()
        with anyio.fail_after(PATIENCE):
            await self._ended.wait()


class Pair:
    """Two networks, and what the second publishes; and a third. Made by `shared_pair`."""

    def __init__(self, bench: NetworkBench) -> None:
        self._bench = bench
        self._shared: list[Shared] = []
        self._suspects: list[tuple[str, str]] = []
        self._failures: list[str] = []
        self.states = SeenStates()
        """Those of Alice's."""
        self.alice = made(bench, self.states)
        self.bob = made(bench, ignore_state)
        self.key = seed()
        """Bob answers at it on PORT, and on no other."""
        self._two_ports = seed()
        self.keys = [self.key, self._two_ports, *(seed() for _ in range(_SPARES))]
        """Of all that Bob publishes from the beginning."""
        self._third = Third(bench, seed())
        self._tasks = anyio.create_task_group()

    @property
    def all_keys(self) -> list[Secret]:
        """Of all that is published from the beginning."""
        return [*self.keys, self._third.key]

    @property
    def service(self) -> PublishedService:
        """What Bob publishes at `key`. No test ends it."""
        return self._shared[0].service

    async def connected(self, *, isolation: str = "") -> tuple[ByteStream, ByteStream]:
        """Return both ends of a new stream from Alice to Bob."""
        return await connected(self.alice, self.service, self.key, isolation=isolation)

    async def all_shared(self) -> list[Shared]:
        """Return services of two keys, of which one answers on two ports, once all can be found. No test ends them."""
        for each in self._shared[:3]:
            await each.states.reach(Phase.ONLINE)
        return self._shared[:3]

    async def spare(self) -> Shared:
        """Return a service of Bob's that can be found, and that nobody else uses: one that a test may end."""
        if len(self._shared) > 3:  # noqa: PLR2004  # the others are no spares
            spare = self._shared.pop()
        else:
            spare = await _publish(self.bob, seed(), PORT)
        await spare.states.reach(Phase.ONLINE)
        return spare

    @asynccontextmanager
    async def third(self) -> AsyncGenerator[Third]:
        """Lend a network that is online, with a service that can be found, to be taken away or ended.

        The next test gets the same one, unless it was ended, or this test failed.
        """
        third = self._third
        if third.ended:
            third = self._third = Third(self._bench, seed())
            await self._start(third)
        try:
            await third.states.reach(Phase.ONLINE)
            await third.shared.states.reach(Phase.ONLINE)
            yield third
        except BaseException:
            with anyio.CancelScope(shield=True):
                await third.end()
            raise

    async def _start(self, third: Third) -> None:
        with anyio.fail_after(PATIENCE):
            await self._tasks.start(self._run, third)
        await third.publish()

    @asynccontextmanager
    async def lent(self, test: str) -> AsyncGenerator[None]:
        """Audit one test that uses them."""
        audit: Audit | None = None
        try:
            async with audited(folders=self._bench.folders) as audit:
                for key in self.all_keys:
                    confide_key(key)
                yield
        except Leak as leak:
            if audit is None or [*audit.done()]:
                raise
            self._suspects += [(line, test) for line in str(leak).split("\n- ")[1:]]
        assert not self._failures, self._failures

    def explained(self, leak: Leak) -> Leak:
        """Say of what is left in the end after which test it was there first."""
        first: dict[str, str] = {}
        for line, test in self._suspects:
            first.setdefault(line, test)
        heading, *lines = str(leak).split("\n- ")
        return Leak(
            "\n- ".join([heading, *(f"{line}, first seen after {first.get(line, 'the end')}" for line in lines)])
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all three, and publish."""
        with unwrapped():
            async with self._tasks as tasks:
                for network in (self.alice, self.bob):
                    with anyio.fail_after(PATIENCE):
                        await tasks.start(self._run, network)
                for key, port in [
                    (self.key, PORT),
                    (self._two_ports, OTHER_PORT),
                    *((key, PORT) for key in self.keys[1:]),
                ]:
                    self._shared.append(await _publish(self.bob, key, port))
                await self._start(self._third)
                await self._shared[0].states.reach(Phase.ONLINE)
                yield
                assert not self._failures, self._failures
                tasks.cancel_scope.cancel()

    async def _run(self, network: Network | Third, *, task_status: TaskStatus[None]) -> None:
        # What a network raises would cancel whatever test is under way.
        try:
            await network.run(task_status=task_status)
        except Exception as error:
            if not self._shared:  # they are starting
                raise
            self._failures.append(f"run raised {error!r}")
        else:
            if not (isinstance(network, Third) and network.ended):
                self._failures.append("run returned by itself")


async def _publish(network: Network, key: Secret, port: int) -> Shared:
    states = SeenStates()
    return Shared(key=key, port=port, service=await network.publish(key, port, on_state=states), states=states)


@asynccontextmanager
async def shared_pair(bench: NetworkBench) -> AsyncGenerator[Pair]:
    """Run a pair until the block ends. Raise Leak."""
    pair: Pair | None = None
    try:
        async with audited(folders=bench.folders):
            pair = Pair(bench)
            async with pair.running():
                yield pair
    except Leak as leak:
        raise (leak if pair is None else pair.explained(leak)) from None


class NetworkKitBase(AuditedKit):
    """What each part of the kit needs."""

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> NetworkBench:
        raise NotImplementedError("a subclass of NetworkKit gives the fixture `bench`, with scope='class'")

    @pytest.fixture(scope="class")
    @classmethod
    async def pair(
        cls, request: pytest.FixtureRequest, bench: NetworkBench, anyio_backend: object
    ) -> AsyncGenerator[Pair]:
        del anyio_backend  # one in each event loop
        limit = await anyio.to_thread.run_sync(start_limit, request)
        try:
            async with shared_pair(bench) as pair:
                limit.cancel()
                yield pair
        finally:
            limit.cancel()

    @pytest.fixture
    async def audited_in_loop(self, request: pytest.FixtureRequest) -> AsyncGenerator[None]:
        pair: Pair | None = request.node.funcargs.get("pair")
        if pair is None:
            async with audited(folders=lambda: self.folders(request)):
                yield
        else:
            async with pair.lent(request.node.name):
                yield
