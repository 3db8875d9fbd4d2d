"""Two networks that many tests share: starting them and being found takes most of the time of a slow network.

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
"""How many services that a test may end are published beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A service that is published for several tests."""

    key: Secret
    port: int
    service: PublishedService
    states: SeenStates


class Pair:
    """Two networks, and what the second publishes. Made by `pair`."""

    def __init__(self, bench: NetworkBench) -> None:
        self._bench = bench
        self._shared: list[Shared] = []
        self._suspects: list[tuple[str, str]] = []
        self._failures: list[str] = []
        self.alice = made(bench, ignore_state)
        self.bob = made(bench, ignore_state)
        self.key = seed()
        """Bob answers at it on PORT, and on no other."""
        self._two_ports = seed()
        self.keys = [self.key, self._two_ports, *(seed() for _ in range(_SPARES))]
        """Of all that Bob publishes from the beginning."""

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
            spare = await self._publish(seed(), PORT)
        await spare.states.reach(Phase.ONLINE)
        return spare

    @asynccontextmanager
    async def lent(self, test: str) -> AsyncGenerator[None]:
        """Audit one test that uses them."""
        audit: Audit | None = None
        try:
            async with audited(folders=self._bench.folders) as audit:
                for key in self.keys:
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
        """Run both, and publish."""
        with unwrapped():
            async with anyio.create_task_group() as tasks:
                for network in (self.alice, self.bob):
                    with anyio.fail_after(PATIENCE):
                        await tasks.start(self._run, network)
                for key, port in [
                    (self.key, PORT),
                    (self._two_ports, OTHER_PORT),
                    *((key, PORT) for key in self.keys[1:]),
                ]:
                    self._shared.append(await self._publish(key, port))
                await self._shared[0].states.reach(Phase.ONLINE)
                yield
                assert not self._failures, self._failures
                tasks.cancel_scope.cancel()

    async def _publish(self, key: Secret, port: int) -> Shared:
        states = SeenStates()
        service = await self.bob.publish(key, port, on_state=states)
        return Shared(key=key, port=port, service=service, states=states)

    async def _run(self, network: Network, *, task_status: TaskStatus[None]) -> None:
        # What a network raises would cancel whatever test is under way.
        try:
            await network.run(task_status=task_status)
        except Exception as error:
            if not self._shared:  # they are starting
                raise
            self._failures.append(f"run raised {error!r}")
        else:
            self._failures.append("run returned by itself")


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
