"""Commands about the running account: up, down, status."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Annotated

import anyio
import typer
from anyio.abc import TaskStatus

from balchat_host.api.errors import (
    AlreadyRunning,
    ConnectionLost,
    NotRunning,
    OutputUnwritable,
    ProtocolViolation,
    RunningUnreachable,
    SocketUnusable,
    TimedOut,
)
from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.streams import ReaderGone
from balchat_host.api.types import Phase, Secret
from balchat_host.api.views import ServiceStatus
from balchat_ui_cli.account_status import AccountStatus, look, watch
from balchat_ui_cli.ending import wait_until_gone
from balchat_ui_cli.frame import RUNNING, Run, command
from balchat_ui_cli.live import ProgressView, StatusView
from balchat_ui_cli.output import Line, Output
from balchat_ui_cli.readiness import bottleneck, is_decided, is_online
from balchat_ui_cli.render.status import remarkable, status_lines, troubled
from balchat_ui_cli.session import one_error

HOW_TO_WATCH = "`balchat status --watch` shows how it goes, `balchat down` ends it."
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "up",
        panel=RUNNING,
        unlocks=True,
        examples=[
            "balchat up",
            "balchat up --set delivery.policy=direct-only",
            "balchat up --detach",
            "balchat up --detach --passphrase-file ~/.secret --timeout 120",
        ],
    )(up)
    command(app, "down", panel=RUNNING, examples=["balchat down"])(down)
    command(
        app,
        "status",
        panel=RUNNING,
        unlocks=True,
        examples=["balchat status", "balchat status --watch", "balchat status --json"],
    )(status)


# -- up


def up(
    run: Run,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0, help="With --detach: wait at most S seconds to be online.")
    ] = 60,
) -> None:
    """Be reachable: unlock the account and start the network, until Ctrl-C or `balchat down`."""
    _require_nothing_runs(run)
    _say_what_changed(run)
    if detach:
        run.session.unlocking(partial(_start_background, run))
        _watch_start(run, timeout)
    else:
        run.session.unlocking(partial(_serve_when_free, run))


def _say_what_changed(run: Run) -> None:
    for change in run.profile.deployment_changes():
        run.out.warn("deployment-changed", f"Since this account last ran: {change}")
    for view in run.profile.plugins():
        if view.enabled and view.changed and not view.problem:
            accept = f"If that is as you want it: balchat plugins accept {view.name}"
            run.out.warn("plugin-changed", f"{view.name}: {view.changed}. {accept}")


def _start_background(run: Run, secret: Secret) -> None:
    with one_error():
        anyio.run(run.profile.start, secret, run.session.key.slot)


def _watch_start(run: Run, timeout: float) -> None:
    """Show how the background process comes online; what ends the showing does not end the process."""
    seen: list[ServiceStatus] = []
    try:
        run.session.ask_running(lambda app: _until_decided(app, run.out, seen, timeout))
    except KeyboardInterrupt:
        if not seen:
            raise
    status = seen[-1]
    run.out.value(
        status,
        lambda: [[*_how_far(status), f" {HOW_TO_WATCH}"], *_troubles(status)],
        done="balchat runs in the background.",
    )


def _how_far(status: ServiceStatus) -> Line:
    if is_online(status):
        return [Span("Online.", Style.GOOD)]
    if not is_decided(status):
        return ["Still starting."]
    name, state = bottleneck(status)
    return [Span(f"Up, but not online: {name}: {state}.", Style.WARN)]


def _troubles(status: ServiceStatus) -> Iterable[Line]:
    for name, state in {**remarkable(status), **troubled(status)}.items():
        yield [Span(f"{name}: {state}", Style.WARN)]


async def _until_decided(app: App, out: Output, seen: list[ServiceStatus], timeout: float) -> None:  # noqa: ASYNC109  # the time is the person's, and being out of it is no error here
    seen.append(await app.status.get())
    show = ProgressView(out).show
    with anyio.move_on_after(timeout):
        async with following(app.status.watch()) as states:
            async for status in states:
                seen.append(status)
                # What cannot be shown is no reason not to wait; that it cannot be is said at the end.
                with suppress(ReaderGone, OutputUnwritable):
                    await out.patiently(show, status)
                if is_decided(status):
                    return


def _serve_when_free(run: Run, secret: Secret) -> None:
    run.session.when_free(partial(_serve, run, secret), partial(_require_nothing_runs, run))


def _require_nothing_runs(run: Run) -> None:
    """Raise AlreadyRunning where the account is up."""
    if run.session.try_running(lambda app: app.events.cursor()) is not None:
        raise AlreadyRunning


def _serve(run: Run, secret: Secret) -> None:
    """Hold the account until it is ended. Raise what ends it otherwise."""
    with one_error():
        anyio.run(_hold, run, secret)


async def _hold(run: Run, secret: Secret) -> None:
    async with anyio.create_task_group() as everything:
        with anyio.CancelScope() as held:
            await everything.start(_end_on_signals, held, run.out)
            async with anyio.create_task_group() as work:
                app = await work.start(_run_profile, run, secret, held)
                await _show_states(app, run.out)
        everything.cancel_scope.cancel()


async def _run_profile(run: Run, secret: Secret, held: anyio.CancelScope, *, task_status: TaskStatus[App]) -> None:
    await run.profile.run(secret, run.session.key.slot, task_status=task_status)
    # `balchat down` ended it from inside.
    held.cancel()


async def _end_on_signals(held: anyio.CancelScope, out: Output, *, task_status: TaskStatus[None]) -> None:
    """Turn the first signal into a clean end; at the second, end at once: the vault bears that."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            if held.cancel_called:
                os._exit(_INTERRUPTED)
            held.cancel()
            await out.patiently(out.hint, ["Ending. Once more ends it at once."])


async def _show_states(app: App, out: Output) -> None:
    view = StatusView(out, whole=False)
    with anyio.CancelScope() as showing:

        async def show(status: AccountStatus) -> None:
            # A terminal that is paused must not hold up the account. Nor must one that is gone end it.
            try:
                await out.patiently(view.show, status)
            except ReaderGone:
                showing.cancel()
            except OutputUnwritable as error:
                problem = error.fields["problem"]
                message = f"Standard output cannot be written: {problem}. balchat goes on, and shows its state no more."
                out.warn(error.code, message)
                showing.cancel()

        await watch(app, show)


# -- down


def down(
    run: Run, timeout: Annotated[float, typer.Option(metavar="S", min=0, help="Wait at most S seconds.")] = 30
) -> None:
    """End the running balchat, cleanly."""
    process = _told_to_end(run)
    if process != os.getpid() and not wait_until_gone(process, timeout):
        what = (
            f"balchat was told to end and is still at it; `kill -9 {process}` ends it at once, and the vault bears that"
        )
        raise TimedOut(seconds=f"{timeout:g}", what=what)
    ended = "balchat has ended."
    run.out.value({"running": False}, lambda: [[ended]], done=ended)


def _told_to_end(run: Run) -> int:
    """Have the running balchat begin to end: through its socket, or where that leads nowhere by a signal."""
    try:
        return run.session.ask_running(lambda app: app.account.shut_down())
    except (RunningUnreachable, ConnectionLost, SocketUnusable, TimedOut, ProtocolViolation):
        if run.profile.holder() is None:
            raise
        return run.profile.end_holder()


# -- status


def status(
    run: Run, watching: Annotated[bool, typer.Option("--watch", help="Go on, and show every change.")] = False
) -> None:
    """Show how everything is."""
    if watching:
        run.session.ask_running(partial(_watch, out=run.out))
        return
    found = run.session.try_running(look)
    if found is None and run.session.key.source.given:
        found = (run.session.ask(look),)
    if found is None:
        _show_locked(run)
        return
    shown = found[0]
    run.out.value(shown, lambda: status_lines(shown))


async def _watch(app: App, out: Output) -> None:
    view = StatusView(out, whole=True)
    await watch(app, lambda status: out.patiently(view.show, status))


def _show_locked(run: Run) -> None:
    """Show what can be known without the passphrase."""
    stopped = {"phase": Phase.STOPPED, "percent": None, "reason": None}
    known = {
        "vault": "locked",
        "profile": run.profile.name,
        "running": False,
        "network": {},
        "identity_onion": stopped,
        "device_onion": stopped,
        "transports": {},
        "plugins": {},
        "policy": None,
        "works_as": None,
        "requests": None,
        "outbox": None,
        "storage": None,
        "accepts_requests": None,
        "contacts": None,
    }
    run.out.value(
        known,
        lambda: [
            [Span("profile     ", Style.FAINT), run.profile.name],
            [Span("vault       ", Style.FAINT), "locked"],
            [str(NotRunning())],
        ],
    )
