"""What the kit asks a front end's author for, and the host that runs it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Final

import anyio
import pytest
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from balchat_host.api.failures import leaves
from balchat_host.api.frontend import App, FrontEnd, FrontEndContext
from balchat_host.testing.audit import overhear_names, watched
from balchat_host.testing.audit.kit import AuditedKit
from balchat_host.testing.audit.places import relevant, shown
from balchat_host.testing.front_end_kit.guarded_app import GuardedApp, Watched
from balchat_host.testing.front_end_kit.people import confide_ids, ids_of
from balchat_host.testing.front_end_kit.telling import Kept, hear_error, told_in, warnings_heard
from balchat_host.testing.front_end_kit.way_out import no_way_out
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.peer import Peer
from balchat_host.testing.waiting import PATIENCE, SeenStates, unwrapped

END_LIMIT: Final = 20.0
"""Seconds in which a front end must have ended: the host waits no longer."""
MOST_STARTS: Final = 5
"""Starts after which it is plain that a front end ends again and again."""
_FIRST_LOOK: Final = 0.01
_SLOWEST_LOOK: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndCapabilities:
    """What a front end promises.

    `reacts`: it does something about the bench's `prompt` that the bench can see. `remembers`: also about what came
    while it was away, once. `answers`: it does so by `App.messages.send`. `attends`: it tells which conversation it
    shows (`Events.attend`), and shows the one in which the prompt came. `decides`: it accepts or rejects requests for
    contact by itself. `connects`: it talks to others past the App, as a bridge to another service does; without that,
    nothing may lead beyond loopback. `trio`: it runs on trio as well, where time can be virtual; what is
    built on a library for asyncio does not.
    """

    reacts: bool = True
    remembers: bool = True
    answers: bool = True
    attends: bool = False
    decides: bool = False
    connects: bool = False
    trio: bool = True


class FrontEndBench(ABC):
    """What a front end's author gives to the kit. A new one for every test."""

    capabilities = FrontEndCapabilities()
    prompt = "ping"
    """A text to which it reacts."""

    def __init__(self) -> None:
        self.states = SeenStates()
        """How it said that it is."""

    @abstractmethod
    def front_end(self, context: FrontEndContext) -> FrontEnd:
        """Make a front end."""

    def context(self) -> FrontEndContext:
        """Return what the host gives it: here no folders, which a bench needs whose front end keeps files."""
        nowhere = Path("/nowhere")
        return FrontEndContext(profile=nowhere, runtime_directory=nowhere, on_state=self.states)

    def reactions(self, account: MemoryAccount, peer: Peer) -> int:
        """Return how often it has reacted to prompts of a peer. Here: how many messages of ours reached them."""
        del account
        if peer.contact.state == "active" and not peer.contact.blocked:
            peer.receive()
        return len(peer.heard)

    def folders(self) -> Sequence[Path]:
        """Return the folders in which files may lie when it has ended."""
        return ()


class NotStarted(AssertionError):
    """It is no use to try it again."""


class Host:
    """Runs a front end as the host does, and counts its starts. With `once`, it makes no other one where one ends."""

    def __init__(self, bench: FrontEndBench, app: App, *, once: bool = False) -> None:
        self._bench = bench
        self._app = app
        self._most_starts = 1 if once else MOST_STARTS
        self.ends: list[str] = []
        """How it ended by itself, each time."""
        self.watched = Watched()
        self.kept = Kept()

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[App]:
        with self._app.client() as client:
            app = GuardedApp(client, self.watched)
            try:
                yield app
            finally:
                with anyio.CancelScope(shield=True):
                    await app.aclose()

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Run it, and make another one where it ends. Raise AssertionError when it has done so too often."""
        while len(self.ends) < self._most_starts:
            context = self._bench.context()
            front_end = watched(self._bench.front_end(context))
            self.kept.begin(front_end, context)
            try:
                async with self._client() as app, anyio.create_task_group() as tasks:
                    await self._start(front_end, app, tasks)
                    task_status.started()
                    task_status = TASK_STATUS_IGNORED
                self.ends.append("run returned")
            except* NotStarted:
                raise
            except* Exception as error:  # noqa: BLE001  # the host makes another one, whatever it was
                self.ends.append(_described(next(leaves(error))))
                hear_error(error)
        if self._most_starts == MOST_STARTS:
            raise AssertionError(f"it ended {len(self.ends)} times: {', '.join(self.ends)}")

    @staticmethod
    async def _start(front_end: FrontEnd, app: App, tasks: TaskGroup) -> None:
        with anyio.move_on_after(PATIENCE) as patience:
            await tasks.start(front_end.run, app)
        if patience.cancelled_caught:
            raise NotStarted("run has not called task_status.started()")


def _described(error: BaseException) -> str:
    raised = [(frame.filename, frame.lineno or 0, frame.name) for frame in extract_tb(error.__traceback__)]
    return f"{error!r} at {shown(relevant(reversed(raised)))}"


@asynccontextmanager
async def served(
    bench: FrontEndBench, account: MemoryAccount, app: App | None = None, *, once: bool = False
) -> AsyncGenerator[Host]:
    """Run the front end with an account until the block ends and nothing is left to do, then cancel it."""
    host = Host(bench, app or account.app, once=once)
    told = anyio.current_time()
    with unwrapped(), warnings_heard(), nullcontext([]) if bench.capabilities.connects else no_way_out() as tried:
        async with anyio.create_task_group() as tasks:
            await tasks.start(host.run)
            yield host
            await anyio.wait_all_tasks_blocked()
            overhear_names()
            _none(host.kept.wrong_files(await ids_of(account)))
            tasks.cancel_scope.cancel()
            told = anyio.current_time()
    assert anyio.current_time() - told < END_LIMIT, "it goes on when it is cancelled; the host waits for 20 s"
    assert not account.ended, "it has ended the account"
    assert not tried, f"it goes past the App: {', '.join(dict.fromkeys(tried))}"
    _none(host.watched.wrong)
    _none(host.kept.changed_modules())
    _none(line for state in bench.states.all for line in told_in(state))
    await confide_ids(account)


def _none(wrong: Iterable[str]) -> None:
    found = "; ".join(dict.fromkeys(wrong))
    assert not found, found


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds. Raise TimeoutError.

    Nothing tells what a front end has done. A look may cost much, and what is not there after the first ones rarely
    comes: the next ones are further apart.
    """
    pause = _FIRST_LOOK
    with anyio.move_on_after(PATIENCE):
        while not condition():
            await anyio.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOK)
        return
    raise TimeoutError(f"it never came: {what}")


def needs(promise: str, *, kept: bool) -> None:
    """Skip a test of something that the front end does not promise, saying what."""
    if not kept:
        pytest.skip(f"the front end does not promise `{promise}`")


class FrontEndKitBase(AuditedKit):
    """What each part of the kit needs."""

    @pytest.fixture
    def bench(self) -> FrontEndBench:
        raise NotImplementedError("a subclass of FrontEndKit gives the fixture `bench`")

    @staticmethod
    def needs_reactions(bench: FrontEndBench) -> None:
        """Skip the test where it does nothing that the bench can see."""
        needs("reacts", kept=bench.capabilities.reacts)

    @staticmethod
    async def reacts(bench: FrontEndBench, account: MemoryAccount, peer: Peer, times: int = 1) -> None:
        """Wait until it has reacted to a peer so many times, and check that it does not go on."""
        await until(lambda: bench.reactions(account, peer) >= times, f"reaction {times} to the prompt")
        await anyio.wait_all_tasks_blocked()
        assert bench.reactions(account, peer) == times
