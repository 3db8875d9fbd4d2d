"""Carries out effects: the one module that knows both the account and the terminal.

What changes something in a conversation is asked for in the order in which it was wanted: the account carries out the
requests of one connection side by side. Everything else need not wait for each other.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
from anyio import to_thread

from balchat_host.api.errors import BalchatError, ConnectionLost, InternalError
from balchat_host.api.failures import kind_of, log_failure
from balchat_host.api.frontend import App, Profile
from balchat_ui_tui import effects as do
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.chat.words import copied
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.external_editor import write_elsewhere
from balchat_ui_tui.jobs import Job
from balchat_ui_tui.later import call_later
from balchat_ui_tui.severity import Severity

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from balchat_ui_tui.app import BalchatTui

_IN_ORDER: Final = frozenset(
    {
        "conversations.draft",
        "conversations.mark_read",
        "conversations.mark_unread",
        "events.attend",
        "messages.delete",
        "messages.edit",
        "messages.react",
        "messages.retry",
        "messages.send",
    }
)

_LONGEST_WAIT: Final = 2.0
"""Seconds that somebody who leaves waits for the account."""

Asking = do.Call | do.ProfileCall | Job
"""The effects that have an answer."""


class Asker(Protocol):
    """Who wants something done, and gets the answers."""

    def dispatch(self, action: Action) -> None:
        """Take an answer."""
        ...


class Performer:
    """Carries out what screens want done."""

    def __init__(self, tui: "BalchatTui", profile: Profile) -> None:
        self._tui = tui
        self._profile = profile
        self._app: App | None = None
        self._turn = anyio.Lock()
        self._timers: dict[tuple[int, str], TimerHandle] = {}
        self._in_order = 0
        """Calls that wait for their turn, or for their answer."""
        self._settled = anyio.Event()

    def connected(self, app: App | None) -> None:
        """Ask this account from now on, None while there is none."""
        self._app = app

    @property
    def app(self) -> App:
        """The account that is asked now. Raise ConnectionLost where there is none."""
        if self._app is None:
            raise ConnectionLost
        return self._app

    def carry_out(self, effects: do.Effects, asker: Asker) -> None:
        """Carry out effects; answers go to `asker`."""
        for effect in effects:
            self._carry_out(effect, asker)

    def _carry_out(self, effect: do.Effect, asker: Asker) -> None:  # noqa: C901, PLR0912  # one line for each kind
        tui = self._tui
        match effect:
            case do.Call():
                self._in_order += effect.method in _IN_ORDER
                tui.run_worker(self._call(effect, asker), exit_on_error=False)
            case do.ProfileCall():
                method = getattr(self._profile, effect.method)
                tui.run_worker(self._answer(effect, asker, lambda: method(**effect.arguments)), exit_on_error=False)
            case do.Notice(text=text, severity=severity):
                tui.show_notice(text, severity)
            case do.ShowError(error=error):
                tui.show_notice(tui.t.error(error), Severity.ERROR)
            case do.Copy(text=text):
                tui.copy_to_clipboard(text)
            case do.CopyMessages(messages=messages):
                tui.copy_to_clipboard(copied(tui.t, messages, milliseconds_now()))
                tui.show_notice(tui.t("tui.copied", count=len(messages)))
            case do.OpenScreen():
                tui.session.open_screen(effect, asker)
            case do.CloseScreen(result=result):
                tui.session.close_screen(result, asker)
            case do.After():
                self._after(effect, asker)
            case do.WriteElsewhere(text=text, done=done):
                tui.run_worker(self._write_elsewhere(text, done, asker), exit_on_error=False)
            case do.Reconnect():
                tui.session.connection.reconnect()
            case Job():
                tui.run_worker(
                    self._answer(effect, asker, lambda: effect.run(tui, asker.dispatch)), exit_on_error=False
                )
            case do.Quit():
                tui.run_worker(tui.action_leave(), exit_on_error=False)
            case _:
                raise TypeError(effect)

    async def settle(self) -> None:
        """Wait until what changes something in a conversation is answered, but not for long."""
        with anyio.move_on_after(_LONGEST_WAIT):
            while self._in_order:
                self._settled = anyio.Event()
                await self._settled.wait()

    async def _call(self, call: do.Call, asker: Asker) -> None:
        area, _, name = call.method.partition(".")

        async def ask() -> Any:
            return await getattr(getattr(self.app, area), name)(**call.arguments)

        if call.method not in _IN_ORDER:
            await self._answer(call, asker, ask)
            return
        try:
            async with self._turn:
                await self._answer(call, asker, ask)
        finally:
            self._in_order -= 1
            self._settled.set()

    async def _answer(
        self, call: do.Call | do.ProfileCall | Job, asker: Asker, ask: Callable[[], Awaitable[Any]]
    ) -> None:
        """Ask, and give the answer to whoever wants it. Whatever goes wrong ends this call only."""
        try:
            answer = await ask()
        except BalchatError as error:
            self._failed(call, asker, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it ends this call only
            log_failure(type(call).__name__ if isinstance(call, Job) else call.method, error)
            self._failed(call, asker, InternalError(kind=kind_of(error)))
        else:
            if call.done is not None:
                asker.dispatch(call.done(answer))

    def _failed(self, call: Asking, asker: Asker, error: BalchatError) -> None:
        if call.failed is not None:
            asker.dispatch(call.failed(error))
        else:
            self._carry_out(do.ShowError(error), asker)
            asker.dispatch(Failed(error))

    def _after(self, after: do.After, asker: Asker) -> None:
        key = (id(asker), after.key)
        if (waiting := self._timers.pop(key, None)) is not None:
            waiting.cancel()

        def give() -> None:
            self._timers.pop(key, None)
            asker.dispatch(after.action)

        self._timers[key] = call_later(self._tui, after.seconds, give)

    async def _write_elsewhere(self, text: str, done: Callable[[str], Action], asker: Asker) -> None:
        try:
            folder = await to_thread.run_sync(self._profile.runtime_directory)
            written = await write_elsewhere(self._tui, folder, text)
        except BalchatError as error:
            self._carry_out(do.ShowError(error), asker)
        except Exception as error:  # noqa: BLE001  # whatever it is, it ends this call only
            log_failure("editor", error)
            self._carry_out(do.ShowError(InternalError(kind=kind_of(error))), asker)
        else:
            asker.dispatch(done(written))
