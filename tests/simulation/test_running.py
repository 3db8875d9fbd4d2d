"""An account that is up: what fails and is mended, what ends it, what front ends see, and what it costs to be idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
import trio

from balchat_host.api.ephemeral import PresentState
from balchat_host.api.errors import CursorTooOld, NetworkUnavailable, StorageFailed
from balchat_host.api.frontend import FrontEnd
from balchat_host.api.types import Phase
from balchat_host.api.views import MessageState
from balchat_host.core import event_log
from balchat_host.runtime.plugin_setups import FrontEndSetup
from balchat_host.testing.app_kit import nobody, take
from balchat_host.testing.app_pair_kit import introduce
from balchat_host.testing.virtual_network import VirtualNode
from balchat_host.testing.waiting import closing
from tests.support.virtual_account import LAST_RETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskStatus

    from balchat_host.api.frontend import App
    from balchat_host.api.types import PeerId

pytestmark = pytest.mark.anyio

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR


class Broken(Exception):
    """A bug in a plugin."""


class BrittleFrontEnd(FrontEnd):
    """Fails again and again."""

    def __init__(self) -> None:
        self.started: list[float] = []

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        self.started.append(anyio.current_time())
        task_status.started()
        await anyio.sleep(1)
        raise Broken


def front_end_setup(make: Callable[[], FrontEnd]) -> FrontEndSetup:
    return FrontEndSetup(name="brittle", origin="balchat-brittle 0.3.0", make=lambda _: make())


# -- failures


async def test_a_front_end_that_fails_is_started_again_ever_more_slowly(people) -> None:
    async with people:
        front_end = BrittleFrontEnd()
        alice = await people.make("Alice")
        alice.front_ends.append(front_end_setup(lambda: front_end))
        await people.up(alice)
        await anyio.sleep(HOUR)
        assert (await alice.app.status.get()).running
        starts = front_end.started
        assert starts[1] - starts[0] < MINUTE, "soon at first"
        assert 6 <= len(starts) <= 25, "and not in a tight loop"


async def test_a_transport_that_fails_is_shown_and_started_again_and_messages_flow(people) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.start("Bob")

        def fail(run: int) -> None:
            if run == 2:
                raise Broken

        alice.watch.before_run = fail
        await people.up(alice)
        await introduce(alice.app, bob.app)
        # The transport's own run ends with an error that is not its to mend.
        name = alice.transports[0].name
        seen = [status async for status in _states_while(alice.app, alice.watch.fail)]
        assert Phase.DEGRADED in {status.transports[name].phase for status in seen}
        sent = await alice.app.messages.send("Bob", "still there?")
        await anyio.sleep(HOUR)
        assert alice.watch.runs >= 3
        assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED
        assert (await alice.app.status.get()).transports[name].phase is Phase.ONLINE


async def _states_while(app: App, act):
    """Follow the state for ten seconds in which something happens."""
    with anyio.move_on_after(10):
        async with closing(app.status.watch()) as watched:
            yield await anext(watched)
            act()
            async for status in watched:
                yield status


async def test_a_transport_whose_calls_fail_ends_nothing(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await anyio.sleep(MINUTE)

        def fail(peer: PeerId) -> None:
            raise Broken

        alice.watch.before_send = fail
        sent = await alice.app.messages.send("Bob", "through all this")
        await anyio.sleep(HOUR)
        assert (await alice.app.status.get()).running
        assert alice.watch.sends < 60, "no tight loop"
        alice.watch.before_send = lambda _peer: None
        await anyio.sleep(LAST_RETRY)
        assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED


async def test_a_disk_that_fails_ends_the_account_with_that_error(people) -> None:
    alice = await people.make("Alice")

    async def use() -> None:
        async with anyio.create_task_group() as tasks:
            app = await tasks.start(alice.run)
            alice.disk.fail_next_commit()
            with pytest.raises(StorageFailed):
                await app.contacts.add(nobody().onion, "Bob")

    with anyio.fail_after(MINUTE), pytest.raises(ExceptionGroup) as raised:
        await use()
    assert [type(error) for error in raised.value.exceptions] == [StorageFailed]


async def test_a_full_disk_ends_nothing_and_nothing_half_done_is_kept(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await anyio.sleep(MINUTE)
        before = await alice.app.messages.history("Bob")
        alice.disk.full = True
        with pytest.raises(Exception, match="disk is full"):
            await alice.app.messages.send("Bob", "no room")
        assert await alice.app.messages.history("Bob") == before
        sent = await bob.app.messages.send("Alice", "can you hear me?")
        await anyio.sleep(3 * HOUR)
        alice.disk.full = False
        await anyio.sleep(HOUR)
        assert [m.id for m in await alice.app.messages.history("Bob")] == [*(m.id for m in before), sent.id]


# -- commits and callers


async def test_what_a_commit_asks_for_is_done_although_its_caller_was_cancelled(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await anyio.sleep(MINUTE)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await alice.app.messages.send("Bob", "written by somebody who left")
        await anyio.sleep(10)
        (message,) = await bob.app.messages.history("Alice")
        assert message.text == "written by somebody who left"
        assert (await alice.app.messages.get(message.id)).state is MessageState.DELIVERED


async def test_what_was_written_before_a_kill_is_delivered_after_it_once(people) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.start("Bob")
        async with alice.up() as app:
            await introduce(app, bob.app)
            sent = [(await app.messages.send("Bob", f"message {number}")).id for number in range(30)]
            alice.kill()
        await people.up(alice)
        await anyio.sleep(HOUR)
        assert [message.id for message in await bob.app.messages.history("Alice")] == sent


async def test_shutting_down_ends_the_account_and_frees_its_vault(people) -> None:
    alice = await people.make("Alice")
    for _ in range(2):
        with anyio.fail_after(MINUTE):
            async with anyio.create_task_group() as tasks:
                app = await tasks.start(alice.run)
                assert await app.account.shut_down() == len("Alice")


# -- what front ends see


async def test_who_comes_and_goes_is_seen(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        seen: list[bool] = []
        async with bob.up():
            await introduce(alice.app, bob.app)
            await anyio.sleep(1)
            assert [contact.reachable for contact in await alice.app.contacts.list()] == [True]
            async with closing(alice.app.events.ephemeral()) as changes:
                present = await anext(changes)
                assert isinstance(present, PresentState)
                seen.append(present.reachable == (bob.peer.octets.hex(),))
        await anyio.sleep(MINUTE)
        assert seen == [True]
        assert [contact.reachable for contact in await alice.app.contacts.list()] == [False]


async def test_watching_tells_of_a_network_that_goes_and_comes_back(people) -> None:
    async with people:
        alice = await people.start("Alice")
        phases: list[Phase] = []

        async def watch() -> None:
            async for status in alice.app.status.watch():
                phase = status.network["virtual"].phase
                if phases[-1:] != [phase]:
                    phases.append(phase)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await anyio.sleep(1)
            alice.node.go_offline("the cable is out")
            await anyio.sleep(1)
            assert (await alice.app.status.get()).network["virtual"].reason == "the cable is out"
            alice.node.come_online()
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        assert phases == [Phase.ONLINE, Phase.DEGRADED, Phase.ONLINE]


async def test_a_slow_reader_loses_nothing_and_holds_up_nobody(people) -> None:
    async with people:
        alice = await people.start("Alice")
        await alice.app.contacts.add(nobody().onion, "Bob")
        cursor = await alice.app.events.cursor()
        slow: list[int] = []

        async def read_slowly() -> None:
            async for event in alice.app.events.follow(after=cursor):
                slow.append(event.cursor)
                await anyio.sleep(MINUTE)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read_slowly)
            began = anyio.current_time()
            for number in range(250):
                await alice.app.messages.send("Bob", f"message {number}")
            quick = [event.cursor for event in await take(alice.app, cursor, 250)]
            assert anyio.current_time() - began < MINUTE
            await anyio.sleep(300 * MINUTE)
            tasks.cancel_scope.cancel()
        assert slow == quick == sorted(set(quick))


async def test_a_subscriber_resumes_where_it_was_after_a_kill(people) -> None:
    alice = await people.make("Alice")
    async with alice.up() as app:
        start = await app.events.cursor()
        await app.contacts.add(nobody().onion, "Bob")
        await app.messages.send("Bob", "one")
        await app.messages.send("Bob", "two")
        events = await take(app, start, 3)
        await app.events.acknowledge("screen", events[1].cursor)
        alice.kill()
    async with alice.up() as app, closing(app.events.follow(subscriber="screen")) as stream:
        assert await anext(stream) == events[2]


async def test_a_cursor_whose_events_are_gone_is_too_old(people) -> None:
    async with people:
        alice = await people.start("Alice")
        start = await alice.app.events.cursor()
        await alice.app.contacts.add(nobody().onion, "Bob")
        await alice.app.contacts.block("Bob")
        await alice.app.events.acknowledge("screen", await alice.app.events.cursor())
        await anyio.sleep(event_log.KEPT_FOR / 1000 + DAY)
        with pytest.raises(CursorTooOld):
            await anext(alice.app.events.follow(after=start))
        async with closing(alice.app.events.follow(subscriber="screen")) as stream:
            await alice.app.contacts.rename("Bob", "Robert")
            assert (await anext(stream)).type == "contact.changed"


# -- idle


class Steps(trio.abc.Instrument):
    """Counts how often any task does something."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


async def test_a_hundred_contacts_who_are_away_cost_next_to_nothing(people) -> None:
    async with people:
        alice = await people.start("Alice")
        for number in range(1, 101):
            await alice.app.contacts.add(nobody(number).onion, f"Contact {number}")
        await anyio.sleep(HOUR / 2)
        steps, dials = Steps(), len(people.world.times)
        trio.lowlevel.add_instrument(steps)
        await anyio.sleep(HOUR / 2)
        dials = len(people.world.times) - dials
        trio.lowlevel.remove_instrument(steps)
        assert dials <= 100 * HOUR / 2 / (LAST_RETRY / 2)
        assert steps.count <= 40 * dials, "nothing wakes but for a dial"


async def test_an_account_without_contacts_sleeps(people) -> None:
    async with people:
        await people.start("Alice")
        await anyio.sleep(HOUR)
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await anyio.sleep(10 * HOUR)
        trio.lowlevel.remove_instrument(steps)
        assert steps.count <= 20 * 10, "it is tidied once an hour"


class NoSuchProgram(VirtualNode):
    """A network that waiting cannot mend."""

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        raise NetworkUnavailable(problem="there is no such program", remedy="Install it.")


async def test_a_network_that_cannot_be_had_is_said_so_at_the_start(people, monkeypatch) -> None:
    alice = await people.make("Alice")
    monkeypatch.setattr(
        people.world, "node", lambda *, on_state, online: NoSuchProgram(people.world, on_state=on_state, online=online)
    )
    with pytest.raises(NetworkUnavailable, match="no such program"):
        await alice.run()


class Window(FrontEnd):
    """A front end that shows our notes until it fails."""

    def __init__(self) -> None:
        self.fails = anyio.Event()

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await app.events.attend("me")
        await self.fails.wait()
        raise RuntimeError


async def test_what_a_front_end_attends_ends_with_its_run(people) -> None:
    async with people:
        alice = await people.make("Alice")
        windows = [Window(), Window()]
        alice.front_ends = [
            FrontEndSetup(name=f"ui_window_{number}", origin="balchat-window 1.0", make=lambda _, window=window: window)
            for number, window in enumerate(windows)
        ]
        async with alice.up() as app:
            await anyio.sleep(1)
            (ours,) = await app.events.attended()
            assert ours == (await app.conversations.get("me")).id
            async with closing(app.events.ephemeral()) as changes:
                await anext(changes)
                windows[0].fails.set()
                await anyio.sleep(0.1)
                assert list(await app.events.attended()) == [ours]
                windows[1].fails.set()
                with anyio.fail_after(1):
                    while await app.events.attended():
                        await anext(changes)
