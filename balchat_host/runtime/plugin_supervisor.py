"""Runs a plugin's object, shows how that goes, and makes another one when it has failed. One bad plugin stops no other.

Theory of operation
-------------------
Each network, transport and front end is an `EnabledPlugin`, kept up by a `Supervisor` of its own:

    state     what happens                       next state
    --------  ---------------------------------  ----------------------------------------------
    starting  `run` calls `started()`            running
    starting  the factory or `run` raises        failed
    starting  `start_timeout` seconds pass       failed
    running   `run` raises, or returns           failed
    failed    the pause is over                  starting, with a new object from the factory
    any       the account ends                   ended, after `run` has been cancelled

A failed service is shown as degraded, with what failed and in which distribution and version. Pauses grow from 5
seconds to 5 minutes, and are short again after an object that ran for longer than that.
"""

from typing import Any, Final

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.backoff import Backoff
from balchat_host.api.failures import contain, log_failure, must_pass
from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_host.runtime.enabled_plugin import EnabledPlugin, Run
from balchat_host.runtime.plugin_failure_messages import only, words_of

_BACKOFF: Final = Backoff(first=5.0, longest=300.0)
"""Seconds until a service that failed is started again."""
_STARTING: Final = ServiceState(phase=Phase.STARTING)


class Supervisor:
    """Keeps one service up. `start_timeout` is in seconds."""

    def __init__(self, plugin: EnabledPlugin[Any], *, start_timeout: float) -> None:
        self.plugin = plugin
        self.decided = anyio.Event()
        """Set once the first object has started, failed or been given up."""
        self.start_timeout = start_timeout
        self.running = False

    @property
    def name(self) -> str:
        """The plugin's name, with its distribution and version."""
        return f"{self.plugin.name} ({self.plugin.origin})"

    async def run(self) -> None:
        """Work until cancelled, or until the service says that waiting cannot mend it."""
        self.running = True
        try:
            await self._run()
        finally:
            self.running = False

    async def _run(self) -> None:
        self.plugin.show(_STARTING)
        failures = 0
        while True:
            began = anyio.current_time()
            attempt = _Attempt(self)
            await attempt.run()
            if attempt.hopeless:
                return
            failures = 1 if anyio.current_time() - began > _BACKOFF.longest else failures + 1
            self.failed(attempt.problem)
            await anyio.sleep(_BACKOFF.delay(failures))

    def started(self) -> None:
        """Take note that an object has started. One that tells nothing of itself is shown as online."""
        if not self.plugin.reported:
            self.plugin.show(ONLINE)
        self.decided.set()

    def failed(self, problem: str) -> None:
        """Show that an object has failed, and why."""
        reason = f"{self.plugin.origin}: {problem}; it is started again"
        self.plugin.show(ServiceState(phase=Phase.DEGRADED, reason=reason, code="plugin-failed"))
        self.decided.set()


class _Attempt:
    """The life of one object."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._plugin = supervisor.plugin
        self._started = anyio.Event()
        self._late = False
        self.problem = ""
        """What ended it, for people."""
        self.hopeless = False

    async def run(self) -> None:
        """Make the object and run it to its end; whatever that is, only cancellation and Ctrl-C are raised."""
        self._plugin.reported = False
        where = "its factory"
        try:
            run = self._plugin.make()
            where = "run()"
            await self._run(run)
        except BaseException as error:
            # Whatever else it raised when it was given up follows from that.
            if must_pass(error):
                raise
            if not self._late:
                cause = only(error)
                self.problem = "run() returned" if isinstance(cause, ReturnedTooSoon) else f"{where} {words_of(cause)}"
                self.hopeless = self._plugin.gives_up(cause)
                log_failure(self._supervisor.name, cause)
        finally:
            with anyio.CancelScope(shield=True):
                await self._end()

    async def _run(self, run: Run) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._limit_start, tasks.cancel_scope)
            await tasks.start(self._run_to_end, run)
            await self._plugin.begin()
            self._started.set()
            self._supervisor.started()

    async def _run_to_end(self, run: Run, *, task_status: TaskStatus[None]) -> None:
        await run(task_status=task_status)
        raise ReturnedTooSoon

    async def _limit_start(self, scope: anyio.CancelScope) -> None:
        limit = self._supervisor.start_timeout
        with anyio.move_on_after(limit):
            await self._started.wait()
            return
        self._late = True
        self.problem = f"run() has not called started() within {limit:g} s"
        # Shown before it has ended: it may take its time with that, too.
        self._supervisor.failed(self.problem)
        log_failure(self._supervisor.name, StartTimeout())
        scope.cancel()

    async def _end(self) -> None:
        try:
            await self._plugin.end()
        except BaseException as error:  # noqa: BLE001  # a plugin's code runs in it
            contain(self._supervisor.name, error)


class ReturnedTooSoon(Exception):
    """A service's `run` works until it is cancelled; this one returned."""


class StartTimeout(Exception):
    """A service has not called `started()` in time."""
