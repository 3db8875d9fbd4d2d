"""The settings of one profile: read from all levels, changed in the profile's file.

A change is tried first on the text: the configuration that it would make must be right as a whole, for this account and
its plugins. So nothing is written that would keep the account from starting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
from anyio import to_thread
from balchat_common.settings import Setting, Unfit, Writable
from balchat_common.words import nearest

from balchat_host.api.bell import Bell
from balchat_host.api.errors import (
    BadInput,
    ConfigurationError,
    NoSuchSetting,
    SettingLocked,
    SettingNotWritable,
)
from balchat_host.api.failures import log_failure
from balchat_host.api.frontend import Settings, SettingView
from balchat_host.loader.merging import covers
from balchat_host.loader.setting_views import declared_settings, plain, setting_views, values_of
from balchat_host.loader.toml_edit import Uneditable, with_value, without_value

if TYPE_CHECKING:
    from balchat_host.loader.configuration import Configuration

Examine = Callable[[str | None], tuple["Configuration", Sequence[ConfigurationError]]]
"""Reads all levels, with a text in the place of the profile's file where there is one (`configuration.examine`)."""
Fit = Callable[["Configuration"], Mapping[str, object]]
"""Returns the settings that each plugin would get. Raises ConfigurationError where they do not fit the plugins."""


_MAX_KEY: Final = 100
"""Characters of a key that does not exist which are looked at, and shown."""


class Changeable(Protocol):
    """What the profile's part of the configuration stands in (`ConfigurationFile`)."""

    def change(self, edit: Callable[[str], str]) -> None:
        """Put in place what `edit` makes of the text."""
        ...


class _Reading:
    """The configuration at one moment."""

    def __init__(self, examine: Examine, fit: Fit, text: str | None = None) -> None:
        self.configuration, problems = examine(text)
        if problems:
            raise problems[0]
        self.values = values_of(self.configuration, fit(self.configuration))


class ProfileSettings(Settings):
    """The settings of one profile.

    `plugins` are the classes that declare the settings of plugins, by name. `in_use` has the values that the account
    uses which is up (`values_of`), None where none is; `apply` is given the configuration after each change, to use
    what holds at once of it.
    """

    def __init__(
        self,
        file: Changeable,
        examine: Examine,
        fit: Fit,
        plugins: Mapping[str, type[Any]],
        *,
        in_use: Mapping[str, object] | None = None,
        apply: Callable[[Configuration], None] | None = None,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = to_thread.run_sync,
    ) -> None:
        self._file = file
        self._examine = examine
        self._fit = fit
        self._declared = declared_settings(plugins)
        self._apply = apply
        self._in_thread = in_thread
        self._in_use = None if in_use is None else dict(in_use)
        self._turn = anyio.Lock()
        self.changed = Bell()
        """Rings when a front end has changed a setting."""

    async def list(self) -> Sequence[SettingView]:
        return self._views(await self._in_thread(lambda: _Reading(self._examine, self._fit)))

    async def get(self, key: str) -> SettingView:
        return self._one(await self._in_thread(lambda: _Reading(self._examine, self._fit)), key)

    async def set(self, key: str, value: object) -> SettingView:
        setting = await self._writable(key)
        try:
            written = plain(setting.read(value))
        except Unfit as unfit:
            raise BadInput(what=key, problem=f"{unfit.problem}; it takes {unfit.allowed}") from None
        return await self._change(key, lambda text: with_value(text, key.split("."), written))

    async def reset(self, key: str) -> SettingView:
        await self._writable(key)
        return await self._change(key, lambda text: without_value(text, key.split(".")))

    async def watch(self) -> AsyncIterator[Sequence[SettingView]]:
        while True:
            changed = self.changed.next_ring()
            yield await self.list()
            await changed.wait()

    async def _writable(self, key: str) -> Setting:
        setting = self._setting(key)
        if setting.writable is None:
            configuration, _ = await self._in_thread(lambda: self._examine(None))
            raise SettingNotWritable(key=key, file=configuration.where_to_set(key))
        return setting

    def _setting(self, key: str) -> Setting:
        if key not in self._declared:
            # Who asks may ask for anything, however long it is.
            near = nearest(key[:_MAX_KEY], self._declared)
            raise NoSuchSetting(name=key[:_MAX_KEY] + (f" ({near} is the nearest)" if near else ""))
        return self._declared[key]

    async def _change(self, key: str, edit: Callable[[str], str]) -> SettingView:
        async with self._turn:
            reading = await self._in_thread(lambda: self._write(key, edit))
            if self._in_use is not None:
                self._in_use |= {
                    name: value
                    for name, value in reading.values.items()
                    if self._declared[name].writable is Writable.AT_ONCE
                }
            if self._apply is not None:
                try:
                    self._apply(reading.configuration)
                except Exception as error:  # noqa: BLE001  # it is written: the caller must not take it for undone
                    log_failure("using a changed setting", error)
        self.changed.ring()
        return self._one(reading, key)

    def _write(self, key: str, edit: Callable[[str], str]) -> _Reading:
        readings: list[_Reading] = []

        def checked(text: str) -> str:
            configuration, _ = self._examine(text)
            if covers(configuration.locks, key):
                raise SettingLocked(key=key, lock=configuration.locked_by)
            try:
                changed = edit(text)
            except Uneditable as error:
                where = configuration.where_to_set(key)
                raise ConfigurationError(file=where, key=key, problem=str(error), allowed="a change by hand") from None
            readings.append(_Reading(self._examine, self._fit, changed))
            return changed

        self._file.change(checked)
        return readings[-1]

    def _views(self, reading: _Reading) -> Sequence[SettingView]:
        return setting_views(reading.configuration, reading.values, self._declared, self._in_use)

    def _one(self, reading: _Reading, key: str) -> SettingView:
        self._setting(key)
        return next(view for view in self._views(reading) if view.key == key)
