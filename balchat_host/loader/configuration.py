"""The configuration that holds for one profile: levels laid over each other, locks kept, every value's source known.

Rules
-----
- A later level replaces an earlier one's value of a key, as a whole.
- A key that the system file locks is refused at every later level, whatever value it gives there.
- Whatever is wrong is an error that names file, key, problem and what is allowed. Nothing wrong is ever ignored; in
  what `examine` gives beside its errors, wrong values are left out.

Plugins' settings are carried along as they were given: what they mean is known once the plugin is (`selection`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, cast

from balchat_host.api.errors import ConfigurationError, ConfigurationLocked
from balchat_host.api.types import one_line
from balchat_host.loader.levels import FILE_NAME, SYSTEM_FILE, Given, read_environment, read_file, read_overrides
from balchat_host.loader.schema import (
    KINDS,
    LOCK_KIND,
    LOCKS,
    ROLES,
    SECTIONS,
    SETTINGS,
    ContactLimits,
    Delivery,
    PluginChoice,
    belongs,
)
from balchat_host.loader.values import Unfit, either, nearest, what_is

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from balchat_host.api.frontend import SettingView
    from balchat_host.loader.levels import Level

DEFAULT: Final = "default"
"""The source of a value that nobody gave."""

HIDDEN: Final = "(hidden)"
"""What is shown in place of a secret."""

_SETTING_DOTS: Final = 2
"""A plugin's setting is called settings.PLUGIN.KEY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Every value that holds. `settings` are plugins' settings as given, by plugin and key, not yet checked.

    `given` has what the levels said, by dotted key, of host keys and settings alike; `locks` are the locked keys and
    tables, `locked_by` the file that locks them.
    """

    plugins: PluginChoice = field(default_factory=PluginChoice)
    delivery: Delivery = field(default_factory=Delivery)
    contacts: ContactLimits = field(default_factory=ContactLimits)
    settings: Mapping[str, Mapping[str, Given]] = field(default_factory=dict[str, Mapping[str, Given]])
    given: Mapping[str, Given] = field(default_factory=dict[str, Given])
    locks: tuple[str, ...] = ()
    locked_by: str = ""

    def source(self, key: str) -> str:
        """Say which file, variable or option gives the value of a dotted key."""
        return self.given[key].source if key in self.given else DEFAULT

    def explain(self, settings: Mapping[str, object] | None = None) -> list[SettingView]:
        """Give every value with its source: the host's own, then plugins' settings.

        `settings` has plugins' settings once they are made (`Selection.settings`); those of a plugin that is not there
        are hidden, and so are fields with `repr=False`.
        """
        from balchat_host.api.frontend import SettingView  # noqa: PLC0415  # starting does not wait for what few ask

        values: dict[str, object] = {}
        for key in KINDS:
            section, _, name = key.partition(".")
            values[key] = getattr(getattr(self, section), name)
        for plugin, made in (settings or {}).items():
            for item in fields(cast(Any, made)):
                values[f"{SETTINGS}.{plugin}.{item.name}"] = getattr(made, item.name) if item.repr else HIDDEN
        # Only the plugin could tell whether one of these is a secret.
        values |= {key: HIDDEN for key in self.given if key not in values}
        return [
            SettingView(
                key=key,
                value=_plain(value),
                source=self.source(key),
                locked_by=self.locked_by if _covers(self.locks, key) else None,
            )
            for key, value in values.items()
        ]

    def error(self, key: str, problem: str, allowed: str) -> ConfigurationError:
        """Give the error to raise about the value of a dotted key."""
        return ConfigurationError(file=self.source(key), key=key, problem=problem, allowed=allowed)

    def first_given(self, *keys: str) -> str:
        """Name the first of some keys that somebody gave, which is where to look; without any, the first."""
        return next((key for key in keys if key in self.given), keys[0])


def configuration_files(profile: Path | None, *, system_file: Path = SYSTEM_FILE) -> tuple[Path, ...]:
    """Give the files that are looked for, the strongest last. `profile` is the profile's directory."""
    return (system_file,) if profile is None else (system_file, profile / FILE_NAME)


def load_configuration(
    profile: Path | None,
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    system_file: Path = SYSTEM_FILE,
) -> Configuration:
    """Give the configuration of a profile (its directory; None for what holds on this machine without one).

    `overrides` are the command line's, by dotted key. Raises ConfigurationError, ConfigurationLocked: the first that
    `examine` finds.
    """
    configuration, problems = examine(profile, overrides=overrides, environment=environment, system_file=system_file)
    if problems:
        raise problems[0]
    return configuration


def examine(
    profile: Path | None,
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    system_file: Path = SYSTEM_FILE,
) -> tuple[Configuration, Sequence[ConfigurationError]]:
    """Read like `load_configuration`, and give everything that is wrong instead of raising.

    The configuration is made of what is right. It serves to tell a person about the problems, never to open a vault.
    """
    levels = [read_file(system_file, may_lock=True)]
    if profile is not None:
        levels.append(read_file(profile / FILE_NAME))
    return _lay([*levels, read_environment(environment), read_overrides(overrides or {})])


def _lay(levels: Sequence[Level]) -> tuple[Configuration, Sequence[ConfigurationError]]:
    """Lay levels over each other, the strongest last."""
    problems: list[ConfigurationError] = []
    locks: tuple[str, ...] = ()
    locked_by = ""
    values: dict[str, Any] = {}
    given: dict[str, Given] = {}
    for level in levels:
        problems += level.problems
        for item in level.given:
            try:
                if item.key == LOCKS:
                    locks, locked_by = _read_locks(item, level), item.source
                    continue
                if _covers(locks, item.key) and not level.may_lock:
                    raise ConfigurationLocked(file=item.source, key=item.key, lock=locked_by)
                values[item.key] = _read(item)
                given[item.key] = item
            except ConfigurationError as error:
                problems.append(error)
    configuration = Configuration(
        **{section: cls(**_section(values, section)) for section, cls in SECTIONS.items()},
        settings=_settings(given),
        given=given,
        locks=locks,
        locked_by=locked_by,
    )
    problems += _contradictions(configuration)
    return configuration, problems


def _read(item: Given) -> object:
    """Read a value as its key takes it; plugins' settings stay as they are."""
    if item.key in KINDS:
        kind = KINDS[item.key]
        try:
            return kind.read(item.value)
        except Unfit as unfit:
            raise item.error(str(unfit), kind.allowed) from None
    if item.key.startswith(f"{SETTINGS}."):
        if item.key.count(".") == 1:
            raise item.error(f"it is {what_is(item.value)}", "a table")
        return item.value
    raise _unknown(item, item.key)


def _read_locks(item: Given, level: Level) -> tuple[str, ...]:
    if not level.may_lock:
        raise item.error("only the system file can lock keys", "nothing here")
    try:
        keys = LOCK_KIND.read(item.value)
    except Unfit as unfit:
        raise item.error(str(unfit), LOCK_KIND.allowed) from None
    for key in keys:
        if key in {*SECTIONS, *KINDS, SETTINGS}:
            continue
        if not key.startswith(f"{SETTINGS}."):
            raise _unknown(item, key)
        if key.count(".") > _SETTING_DOTS:
            raise item.error("there is no such key", "a table of a plugin, or a key in it")
    return keys


def _unknown(item: Given, key: str) -> ConfigurationError:
    section = key.partition(".")[0]
    if section in SECTIONS:
        allowed = one_line([known.partition(".")[2] for known in KINDS if known.startswith(f"{section}.")])
    else:
        allowed = one_line([*SECTIONS, SETTINGS, "locks"])
    near = nearest(key, KINDS)
    return item.error(f"there is no such key{f'; {near} is the nearest' if near else ''}", allowed)


def _contradictions(configuration: Configuration) -> Iterator[ConfigurationError]:
    """Find values that are right alone and wrong together."""
    delivery, plugins = configuration.delivery, configuration.plugins
    if delivery.retry_max_seconds < delivery.retry_first_seconds:
        key = configuration.first_given("delivery.retry_max_seconds", "delivery.retry_first_seconds")
        yield configuration.error(
            key,
            f"retry_max_seconds is {delivery.retry_max_seconds} and retry_first_seconds {delivery.retry_first_seconds}",
            "retry_max_seconds not less than retry_first_seconds",
        )
    for role in ROLES:
        name = getattr(plugins, role)
        if any(belongs(name, enabled) for enabled in plugins.enabled):
            continue
        if configuration.source(f"plugins.{role}") != DEFAULT:
            problem = f"{name} is not in plugins.enabled"
            yield configuration.error(f"plugins.{role}", problem, either(plugins.enabled))
        else:
            problem = f"it leaves out {name}, which plugins.{role} is where nobody says otherwise"
            yield configuration.error("plugins.enabled", problem, f"a list with it, or another plugins.{role}")


def _covers(locks: Sequence[str], key: str) -> bool:
    return any(key == lock or key.startswith(f"{lock}.") for lock in locks)


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    return {key.removeprefix(f"{section}."): value for key, value in values.items() if key.startswith(f"{section}.")}


def _settings(given: Mapping[str, Given]) -> dict[str, Mapping[str, Given]]:
    settings: dict[str, dict[str, Given]] = {}
    for key, item in given.items():
        table, _, rest = key.partition(".")
        if table == SETTINGS:
            plugin, _, name = rest.partition(".")
            settings.setdefault(plugin, {})[name] = item
    return {**settings}


def _plain(value: object) -> object:
    """Spell a value as TOML and JSON can hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in cast(Mapping[object, object], value).items()}
    if isinstance(value, Collection):
        return [_plain(inner) for inner in cast(Collection[object], value)]
    return str(value)
