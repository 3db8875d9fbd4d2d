"""What leaves for a contact leaves in order, also when the way breaks in the moment in which more is handed over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.backoff import Backoff
from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import Latency, Outcome, Outgoing, SendReport, Transport
from balchat_host.api.types import DeviceIdentity, PeerId, Route, Secret
from balchat_host.core.schema import migrate
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.delivery_worker import WorkerContext
from balchat_host.runtime.direct_sender import DirectSender
from balchat_host.runtime.enabled_transport import EnabledTransport
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_transport_context import LocalTransportContext
from balchat_host.runtime.plugin_setups import TransportSetup
from balchat_host.runtime.request_switch import RequestSwitch
from balchat_host.runtime.router import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.memory_storage import MemoryStorage
from balchat_host.testing.waiting import Seen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from anyio.abc import ByteStream, TaskGroup

PEER = PeerId(bytes(32))
CONTACT = f"""
    INSERT INTO peer (id, account_key) VALUES (2, x'{"01" * 32}');
    INSERT INTO account (only, peer, account_key, device_id, device_onion_seed, name)
        SELECT 1, id, account_key, zeroblob(16), zeroblob(32), 'Alice' FROM peer WHERE id = 2;
    INSERT INTO conversation (id, conversation_id, kind) VALUES (1, x'00', 'direct');
    INSERT INTO contact (peer, conversation, name, name_key) VALUES (1, 1, 'Bob', 'bob');
    INSERT INTO first_contact (peer, phase) VALUES (1, 'active');
"""
PAYLOAD = "INSERT INTO payload (purpose, conversation, ciphertext, made_at) VALUES (3, 1, x'78', 0)"
DELIVERY = "INSERT INTO delivery (payload, peer, queued_at) VALUES (last_insert_rowid(), 1, 0)"

pytestmark = pytest.mark.anyio


class SlowRunner(UnitOfWorkRunner):
    """A runner whose answers can be held back."""

    def __init__(self, vault) -> None:
        super().__init__(vault, None, policy=Policy(), clock=lambda: 0, entropy=bytes)
        self._until_held = 0
        self._released = anyio.Event()
        self.held = anyio.Event()

    def hold(self, which: int) -> None:
        """Hold back one of the next answers, the first being 1."""
        self._until_held = which

    def release(self) -> None:
        self._released.set()

    async def read(self, fn):
        answer = await super().read(fn)
        self._until_held -= 1
        if self._until_held == 0:
            self.held.set()
            await self._released.wait()
        return answer


class BreakingTransport(Transport):
    """Makes one connection after the other; `connections` has the tickets that went out on each."""

    def __init__(self) -> None:
        self.connections: Seen[list[int]] = Seen()
        self.direct_sender: DirectSender
        self._stands = False

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return self._stands

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        if not self._stands:
            await anyio.lowlevel.checkpoint()
            self._stands = True
            self.connections([])
            self.direct_sender.within_reach()
        on_this_one = self.connections.all.pop()
        self.connections([*on_this_one, *(each.ticket for each in outgoing)])

    def break_(self) -> None:
        """Lose the connection and everything on it."""
        self._stands = False
        for ticket in self.connections.all[-1]:
            self.direct_sender.report(SendReport(ticket=ticket, outcome=Outcome.LOST))
        self.direct_sender.out_of_reach()

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport="breaking", address=b"")]

    async def run(self, *, task_status) -> None:
        raise NotImplementedError

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        raise NotImplementedError

    async def disconnect(self, peer: PeerId) -> None:
        raise NotImplementedError


@pytest.fixture
async def runner() -> AsyncIterator[SlowRunner]:
    slots = {SlotKind.PASSPHRASE: Secret.from_text("correct horse battery staple")}
    vault = await MemoryStorage().create(Path("/account"), slots, migrate)
    await vault.transact(lambda tx: tx.execute("INSERT INTO peer (id, account_key) VALUES (1, ?)", (PEER.octets,)))
    await vault.transact(lambda tx: tx.script(CONTACT))
    yield SlowRunner(vault)
    await vault.aclose()


async def queue(runner: UnitOfWorkRunner) -> None:
    await runner.vault.transact(lambda tx: (tx.execute(PAYLOAD), tx.execute(DELIVERY)))


async def enabled(runner: UnitOfWorkRunner, transport: Transport) -> EnabledTransport:
    """Enable a transport that is up."""

    def new_context(on_state) -> LocalTransportContext:
        return LocalTransportContext(
            "breaking",
            Latency.INTERACTIVE,
            us=DeviceIdentity(peer=PEER, device_id=bytes(16)),
            requests=RequestSwitch(accepted=True),
            runner=runner,
            network=None,
            live_status=LiveStatus(profile="Alice", policy="both", works_as="both"),
            on_state=on_state,
            on_reports=lambda _reports, _latency: None,
            on_bulk=nobody_serves,
            on_peer=lambda _peer, _reachable: None,
            on_routes=lambda _peer: None,
            on_routes_lost=lambda _peer: None,
        )

    async def nobody_serves(source: DeviceIdentity, stream: ByteStream) -> None:
        raise NotImplementedError

    async def nobody() -> set[PeerId]:
        return set()

    made = EnabledTransport(
        TransportSetup(
            name="breaking", origin="breaking 1.0", latency=Latency.INTERACTIVE, make=lambda _host: transport
        ),
        lambda _name, _state: None,
        new_context=new_context,
        contacts=nobody,
        came_up=lambda: None,
    )
    made.make()
    await made.begin()
    return made


def sender(runner: SlowRunner, router: Router, tasks: TaskGroup) -> DirectSender:
    def start(job) -> bool:
        tasks.start_soon(job)
        return True

    context = WorkerContext(
        runner=runner,
        router=router,
        backoff=Backoff(first=0, longest=0),
        in_flight={},
        start=start,
        stopped=lambda _worker, _now: None,
        idle=lambda: None,
    )
    return DirectSender(PEER, context, dialling=anyio.CapacityLimiter(1))


@pytest.mark.parametrize("held", [1, 2], ids=["looking for what waits", "looking for a route"])
async def test_nothing_overtakes_what_was_lost_meanwhile(runner: SlowRunner, held: int) -> None:
    transport = BreakingTransport()
    router = Router(runner, [await enabled(runner, transport)])
    await queue(runner)
    await queue(runner)
    async with anyio.create_task_group() as tasks:
        direct_sender = sender(runner, router, tasks)
        transport.direct_sender = direct_sender
        direct_sender.wake()
        await transport.connections.until(lambda connections: connections == [[1, 2]])
        await anyio.wait_all_tasks_blocked()
        await queue(runner)
        runner.hold(held)
        direct_sender.wake()
        await runner.held.wait()
        transport.break_()
        runner.release()
        await transport.connections.until(lambda connections: [len(each) for each in connections[1:]] == [3])
        tasks.cancel_scope.cancel()
    assert transport.connections.all == [[1, 2], [1, 2, 3]]


async def test_what_is_withdrawn_while_we_look_for_a_way_does_not_leave(runner: SlowRunner) -> None:
    transport = BreakingTransport()
    router = Router(runner, [await enabled(runner, transport)])
    await queue(runner)
    await queue(runner)
    async with anyio.create_task_group() as tasks:
        transport.direct_sender = direct_sender = sender(runner, router, tasks)
        runner.hold(2)
        direct_sender.wake()
        await runner.held.wait()
        await runner.vault.transact(lambda tx: tx.execute("DELETE FROM payload WHERE id = 1"))
        direct_sender.look_again()
        runner.release()
        await transport.connections.until(lambda connections: connections == [[2]])
        await anyio.wait_all_tasks_blocked()
        assert transport.connections.all == [[2]]
        tasks.cancel_scope.cancel()
