"""The account that the page shows: whether it runs, and the way to it, which is made again whenever it is lost.

`CurrentAccount` watches one profile at a time, for all windows. Each window has an `AccountLink` of its own besides,
because an account takes note of what each of its clients attends.
"""

from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import anyio
from anyio import CancelScope, to_thread
from balchat_common.settings import updated

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError, NotRunning
from balchat_host.api.failures import leaves
from balchat_host.api.frontend import App, AppConnection, Profile, Profiles, SettingView
from balchat_host.api.types import Secret
from balchat_ui_web.settings import PLUGIN, WebSettings
from balchat_ui_web.web_area import AccountState, ProfileState, WebError, WebState

LOOK: Final = 1.0
"""Seconds between looks for an account that does not run."""
_PAUSE: Final = 0.2
"""Seconds before a window that has lost its way to an account looks for it again."""
_PATIENCE: Final = 10.0
"""Seconds that a call waits for the way to an account that runs."""
_TABLE: Final = f"settings.{PLUGIN}"


class CurrentAccount:
    """The account of the profile that was chosen last. `run` keeps watch over it."""

    def __init__(self, profiles: Profiles, profile: Profile, settings: WebSettings, languages: Sequence[str]) -> None:
        self._profiles = profiles
        self._languages = languages
        self.profile = profile
        self.settings = settings
        self.changed = Bell()
        self.app: App | None = None
        """The account for what no window of its own asks; None where it is not there."""
        self._account = AccountState.STOPPED
        self._starting = False
        self._error: BalchatError | None = None
        self._profile_states: Sequence[ProfileState] = ()
        self._deployment_changes: Sequence[str] = ()
        self._scope = CancelScope()
        self._look = Bell()

    # -- what is known

    def state(self) -> WebState:
        """Return what the page shows before and beside the account."""
        error = self._error
        starting = self._starting and self._account is not AccountState.RUNNING
        return WebState(
            profile=self.profile.name,
            account=AccountState.STARTING if starting else self._account,
            error=None if error is None else WebError(code=error.code, message=str(error), fields=error.fields),
            profiles=self._profile_states,
            version=self._profiles.version,
            language=self.settings.language,
            languages=self._languages,
            unlock=self.settings.unlock,
            lock_minutes=self.settings.lock_minutes,
            changes=self._deployment_changes,
        )

    async def watch(self) -> AsyncIterator[WebState]:
        """Return the state now and after every change."""
        last: WebState | None = None
        while True:
            ring = self.changed.next_ring()
            now = self.state()
            if now != last:
                last = now
                yield now
            await ring.wait()

    def require(self) -> App:
        """Return the account. Raise NotRunning, or why it cannot be reached."""
        if self.app is None:
            raise self.missing()
        return self.app

    def missing(self) -> BalchatError:
        """Return why the account cannot be asked."""
        return self._error or NotRunning()

    # -- what changes it

    async def choose(self, name: str) -> None:
        """Show another profile from now on. Raise BadInput."""
        self.profile = await to_thread.run_sync(self._profiles.profile, name)
        self._set(AccountState.STOPPED)
        self._scope.cancel()
        await self.look()

    async def create(self, name: str, passphrase: Secret) -> Secret:
        """Make the account; return its recovery code. Raise what `Profile.create` raises."""
        code = await self.profile.create(name, passphrase)
        await self.look()
        return code

    @contextmanager
    def starting(self) -> Generator[None]:
        """Show that the account is being started."""
        self._starting = True
        self.changed.ring()
        try:
            yield
        finally:
            self._starting = False
            self.changed.ring()

    async def look(self) -> None:
        """Find out how the account is now, and return when that is known, or after a while."""
        ring = self.changed.next_ring()
        self._look.ring()
        with anyio.move_on_after(_PATIENCE):
            await ring.wait()

    async def wait_until_running(self) -> None:
        """Return when the account is there, or after a while."""
        with anyio.move_on_after(_PATIENCE):
            while self.app is None:
                self._look.ring()
                await self.changed.wait()

    # -- watching

    async def run(self) -> None:
        """Keep watch for ever."""
        while True:
            with CancelScope() as self._scope:
                await self._watch_one()

    async def _watch_one(self) -> None:
        try:
            connection = await self.profile.connect()
        except BalchatError as error:
            self._set(AccountState.UNREACHABLE, error)
        else:
            if connection is not None:
                await self._describe()
                await self._hold(connection)
            there = await to_thread.run_sync(self.profile.exists)
            await self._describe()
            self._set(AccountState.STOPPED if there else AccountState.NONE)
        ring = self._look.next_ring()
        with anyio.move_on_after(LOOK):
            await ring.wait()

    async def _hold(self, connection: AppConnection) -> None:
        """Be connected until the account ends."""
        try:
            async with connection as self.app, anyio.create_task_group() as tasks:
                self._set(AccountState.RUNNING)
                tasks.start_soon(self._follow_settings, self.app)
                await _until_lost(self.app)
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            if not all(isinstance(each, BalchatError) for each in leaves(group)):
                raise
        finally:
            self.app = None

    async def _follow_settings(self, app: App) -> None:
        # A configuration that cannot be used ends no page; what held before it holds.
        with suppress(BalchatError):
            async for views in app.settings.watch():
                self.settings = settings_from(views, self.settings)
                self.changed.ring()

    async def _describe(self) -> None:
        self._profile_states, self._deployment_changes = await to_thread.run_sync(self._look_around)

    def _look_around(self) -> tuple[Sequence[ProfileState], Sequence[str]]:
        found = [ProfileState(name=each.name, account=_seen_from_outside(each)) for each in self._profiles.profiles()]
        try:
            return found, self.profile.deployment_changes() if self.profile.exists() else ()
        except BalchatError:
            # Whoever starts the account is told.
            return found, ()

    def _set(self, account: AccountState, error: BalchatError | None = None) -> None:
        self._account, self._error = account, error
        self.changed.ring()


class AccountLink:
    """One window's own way to the account. `run` makes it, again and again; `app` waits for it."""

    def __init__(self, account: CurrentAccount) -> None:
        self._account = account
        self._app: App | None = None
        self._error: BalchatError | None = None
        self._changed = Bell()

    async def app(self) -> App:
        """Return the account. Raise NotRunning, or why it cannot be reached."""
        with anyio.move_on_after(_PATIENCE):
            while self._app is None and self._error is None and self._account.app is not None:
                await self._changed.wait()
        if self._app is not None:
            return self._app
        raise self._error or self._account.missing()

    async def run(self) -> None:
        """Keep the way open for ever."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._pass_on)
            while True:
                while (shared := self._account.app) is None:
                    await self._account.changed.wait()
                async with anyio.create_task_group() as held:
                    held.start_soon(self._leave_with, shared, held.cancel_scope)
                    await self._connect()
                    held.cancel_scope.cancel()
                self._set(None)
                await anyio.sleep(_PAUSE)

    async def _pass_on(self) -> None:
        """Have whoever waits look again when the account's state changes."""
        while True:
            await self._account.changed.wait()
            self._changed.ring()

    async def _leave_with(self, shared: App, scope: CancelScope) -> None:
        """End the way when the account has ended, or another one is shown."""
        while self._account.app is shared:
            await self._account.changed.wait()
        scope.cancel()

    async def _connect(self) -> None:
        try:
            connection = await self._account.profile.connect()
            if connection is not None:
                async with connection as app:
                    self._set(app)
                    await _until_lost(app)
        except BalchatError as error:
            self._set(None, error)

    def _set(self, app: App | None, error: BalchatError | None = None) -> None:
        self._app, self._error = app, error
        self._changed.ring()


async def _until_lost(app: App) -> None:
    """Return when the account can be asked no more."""
    with suppress(BalchatError):
        async for _ in app.status.watch():
            pass


def _seen_from_outside(profile: Profile) -> AccountState:
    return AccountState.STOPPED if profile.holder() is None else AccountState.RUNNING


def settings_from(views: Sequence[SettingView], before: WebSettings) -> WebSettings:
    """Return our settings as the configuration has them; what does not fit stays as it was."""
    return updated(before, {view.key: view.value for view in views}, table=_TABLE)
