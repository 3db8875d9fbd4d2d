"""Somebody for whom nothing waits leaves nothing behind in the scheduler."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from balchat_host.api.backoff import Backoff
from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import Latency
from balchat_host.api.types import DeviceIdentity, PeerId, Secret
from balchat_host.core.schema import migrate
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.memory_storage import MemoryStorage

pytestmark = pytest.mark.anyio


class Nowhere:
    """A router that reaches nobody."""

    interactive = (Latency.INTERACTIVE,)
    storing = (Latency.STORE_AND_FORWARD,)
    can_reach = can_store = True

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        del peer
        return False


async def test_strangers_who_come_and_go_leave_no_worker_behind() -> None:
    slots = {SlotKind.PASSPHRASE: Secret.from_text("correct horse battery staple")}
    vault = await MemoryStorage().create(Path("/account"), slots, migrate)
    runner = UnitOfWorkRunner(vault, None, policy=Policy(), clock=lambda: 0, entropy=bytes)
    scheduler = DeliveryScheduler(
        runner,
        Nowhere(),
        Backoff(first=1, longest=1),
        hedge=8,
        stopped=lambda _peer, _stopped: None,
    )
    async with anyio.create_task_group() as tasks:
        scheduler.start(tasks)
        for number in range(50):
            peer = PeerId(number.to_bytes(32, "big"))
            device = DeviceIdentity(peer=peer, device_id=bytes(16))
            scheduler.reach(device, reachable=True)
            await anyio.wait_all_tasks_blocked()
            scheduler.reach(device, reachable=False)
    assert not scheduler._workers
    await vault.aclose()
