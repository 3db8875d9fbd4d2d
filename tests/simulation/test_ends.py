"""What ends an account, what only looks like it, and how it ends whatever its plugins do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import from_thread, lowlevel

from balchat_host.api.errors import BalchatError, NetworkUnavailable, StorageFailed, VaultDamaged
from balchat_host.api.types import Phase
from balchat_host.runtime.plugin_setups import FrontEndSetup
from tests.support.brittle_plugins import (
    KINDS,
    ORIGIN,
    BrittleFrontEnd,
    Broken,
    add,
    fine,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskStatus


pytestmark = pytest.mark.anyio

MINUTE = 60.0
HOUR = 3600.0


async def test_a_plugin_that_fails_while_the_account_ends_spoils_nothing(people) -> None:
    async def spoil(*, task_status: TaskStatus[None]) -> None:
        try:
            await fine(task_status=task_status)
        finally:
            raise Broken

    alice = await people.make("Alice")
    for kind in KINDS:
        add(alice, kind, lambda *_host, kind=kind: KINDS[kind](spoil), name=kind)
    async with anyio.create_task_group() as tasks:
        app = await tasks.start(alice.run)
        await app.account.shut_down()
    async with anyio.create_task_group() as tasks:
        await tasks.start(alice.run)
        tasks.cancel_scope.cancel()


async def test_a_plugin_that_does_not_end_is_named_and_does_not_keep_the_account(people) -> None:
    released = anyio.Event()
    token = lowlevel.current_token()
    told: list[Sequence[str]] = []

    async def hide(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        with anyio.CancelScope(shield=True):
            await released.wait()

    def stuck(names: Sequence[str]) -> None:
        # The real program ends here.
        told.append(names)
        from_thread.run_sync(released.set, token=token)

    alice = await people.make("Alice")
    add(alice, "front end", lambda: BrittleFrontEnd(hide))
    alice.end_timeout, alice.stuck = 0, stuck
    async with anyio.create_task_group() as tasks:
        app = await tasks.start(alice.run)
        await app.account.shut_down()
    (names,) = told
    assert f"brittle ({ORIGIN})" in names


# -- what ends the account, and what only looks like it


@pytest.mark.parametrize("error", [NetworkUnavailable(problem="no", remedy=""), StorageFailed(problem="no")], ids=repr)
@pytest.mark.parametrize("place", ["its factory", "run()"])
@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_that_would_end_the_account_ends_only_the_plugin_that_made_it_up(
    people, kind: str, place: str, error: BalchatError
) -> None:
    async def fail(*, task_status: TaskStatus[None]) -> None:
        raise error

    def make(*_host: Any) -> Any:
        if place == "its factory":
            raise error
        return KINDS[kind](fail)

    async with people:
        alice = await people.make("Alice")
        add(alice, kind, make)
        await people.up(alice)
        assert state_of(await alice.app.status.get()).phase is Phase.DEGRADED
        await people.see_that_messages_flow(alice)


@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "in a group"])
@pytest.mark.parametrize("after", [0, 1, HOUR])
async def test_a_network_that_waiting_cannot_mend_ends_the_account_with_its_error(
    people, monkeypatch: pytest.MonkeyPatch, after: float, grouped: bool
) -> None:
    error = NetworkUnavailable(problem="tor is not there", remedy="Install it.")
    node = people.world.node

    def make(**how: Any) -> Any:
        network = node(**how)
        run = network.run

        async def fail(*, task_status: TaskStatus[None]) -> None:
            if after:
                with anyio.move_on_after(after):
                    await run(task_status=task_status)
            raise ExceptionGroup("one", [error]) if grouped else error

        network.run = fail
        return network

    monkeypatch.setattr(people.world, "node", make)
    alice = await people.make("Alice")
    with pytest.raises(NetworkUnavailable, match="tor is not there"):
        await alice.run()


async def test_a_vault_that_cannot_be_read_ends_the_account(people, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await people.make("Alice")

    async def fail(_fn: Any) -> Any:
        raise VaultDamaged(problem="a page is not what it was")

    async def use(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        monkeypatch.setattr(alice.vault, "read", fail)
        await anyio.sleep_forever()

    alice.front_ends.append(FrontEndSetup(name="late", origin="late 1.0", make=lambda _: BrittleFrontEnd(use)))
    with pytest.raises(VaultDamaged):
        await alice.run()
