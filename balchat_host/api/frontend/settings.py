"""The area of settings: what the configuration says, and what of it front ends may change."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from balchat_host.api.frontend.area import Area


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """One setting.

    `key` has dots, as in `delivery.policy`. `value` is what the configuration says now, `(hidden)` for a secret, and
    `source` the file, variable or option that says so, or `default`; `default` is the value without any of them.
    `doc` says what the setting is for, `allowed` in words what it takes; `kind` is boolean, integer, number, text,
    choice, list, table or other, `choices` are those of a choice, `least` and `most` bound a number, or a text's
    length in characters.

    `writable`: front ends may change it; `at_once`: such a change holds without a restart. `locked_by` names the file
    that fixes it, `overridden_by` the variable or option that holds whatever the file says. `pending`: the running
    account still uses another value, until it is started again.
    """

    key: str
    value: object
    source: str
    default: object = None
    doc: str = ""
    kind: str = "other"
    allowed: str = ""
    choices: Sequence[str] = ()
    least: float | None = None
    most: float | None = None
    writable: bool = False
    at_once: bool = False
    locked_by: str | None = None
    overridden_by: str | None = None
    pending: bool = False


class Settings(Area):
    """What the configuration says, and what of it front ends may change.

    Changes are written into the configuration file of the profile. Where the file itself cannot be used, every method
    raises ConfigurationError.
    """

    @abstractmethod
    async def list(self) -> Sequence[SettingView]:
        """Return all settings: the host's own, then those of plugins. Raise ConfigurationError."""

    @abstractmethod
    async def get(self, key: str) -> SettingView:
        """Return one setting. Raise NoSuchSetting, ConfigurationError."""

    @abstractmethod
    async def set(self, key: str, value: object) -> SettingView:
        """Give a setting a value, and return it as it is then. What overrides the file still holds.

        Raise NoSuchSetting, SettingNotWritable, SettingLocked, BadInput where the value does not fit,
        ConfigurationError where it does not go together with the rest, StorageFull, StorageFailed, TimedOut. Then
        nothing is changed.
        """

    @abstractmethod
    async def reset(self, key: str) -> SettingView:
        """Take a setting out of the profile's file, and return it as it is then. Raise what `set` does."""

    @abstractmethod
    def watch(self) -> AsyncIterator[Sequence[SettingView]]:
        """Return all settings now, and again after each change that a front end makes. Raise ConfigurationError."""
