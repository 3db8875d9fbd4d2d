"""The configuration that holds for one profile: every value, where it comes from, and who may not change it.

Whatever is wrong is an error that names file, key, problem and what is allowed. Nothing wrong is ever ignored.

Plugins' settings are carried along as they were given: what they mean is known once the plugin is (`selection`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from balchat_common.words import either

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.levels import (
    FILE_NAME,
    SYSTEM_FILE,
    ConfigValue,
    Level,
    read_environment,
    read_file,
    read_overrides,
)
from balchat_host.loader.merging import covers, merge
from balchat_host.loader.schema import (
    ROLES,
    SECTIONS,
    SETTINGS,
    AccountSettings,
    ContactLimits,
    Delivery,
    FileSettings,
    PluginChoice,
    RequestSettings,
    belongs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEFAULT: Final = "default"
"""The source of a value that nobody gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Every value that holds.

    `given` has what the levels said, by dotted key, of host keys and plugins' settings alike; `locks` are the locked
    keys and tables, `locked_by` the file that locks them. `file` is where a person sets what is not set.
    """

    plugins: PluginChoice = field(default_factory=PluginChoice)
    account: AccountSettings = field(default_factory=AccountSettings)
    delivery: Delivery = field(default_factory=Delivery)
    contacts: ContactLimits = field(default_factory=ContactLimits)
    files: FileSettings = field(default_factory=FileSettings)
    requests: RequestSettings = field(default_factory=RequestSettings)
    given: Mapping[str, ConfigValue] = field(default_factory=dict[str, ConfigValue])
    locks: tuple[str, ...] = ()
    locked_by: str = ""
    file: str = field(default=str(SYSTEM_FILE), compare=False)

    @property
    def settings(self) -> dict[str, dict[str, ConfigValue]]:
        """Plugins' settings as they were given, by plugin and key, not yet checked."""
        settings: dict[str, dict[str, ConfigValue]] = {}
        for key, item in self.given.items():
            table, _, rest = key.partition(".")
            if table == SETTINGS:
                plugin, _, name = rest.partition(".")
                settings.setdefault(plugin, {})[name] = item
        return settings

    def source(self, key: str) -> str:
        """Return which file, variable or option gives the value of a dotted key."""
        return self.given[key].source if key in self.given else DEFAULT

    def error(self, key: str, problem: str, allowed: str) -> ConfigurationError:
        """Return the error to raise about the value of a dotted key."""
        return ConfigurationError(file=self.source(key), key=key, problem=problem, allowed=allowed)

    def where_to_set(self, key: str) -> str:
        """Return the file in which a dotted key can be set."""
        return self.locked_by if covers(self.locks, key) else self.file

    def first_given(self, *keys: str) -> str:
        """Return the first of some keys that somebody gave, which is where to look; without any, the first."""
        return next((key for key in keys if key in self.given), keys[0])


def configuration_files(profile: Path | None, *, system_file: Path = SYSTEM_FILE) -> tuple[Path, ...]:
    """Return the files that are looked for, the strongest last. `profile` is the profile's directory."""
    return (system_file,) if profile is None else (system_file, profile / FILE_NAME)


def load_configuration(
    profile: Path | None,
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    system_file: Path = SYSTEM_FILE,
) -> Configuration:
    """Return the configuration of a profile (its directory; None for what holds on this machine without one).

    `overrides` are the command line's, by dotted key. Raise ConfigurationError, ConfigurationLocked: the first that
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
    text: str | None = None,
) -> tuple[Configuration, Sequence[ConfigurationError]]:
    """Read like `load_configuration`, and give everything that is wrong instead of raising.

    The configuration is made of what is right. It serves to tell a person about the problems, never to open a vault.
    With `text`, that is read instead of the profile's file.
    """
    levels = [read_file(system_file, may_lock=True)]
    if profile is not None:
        levels.append(read_file(profile / FILE_NAME, text=text))
    levels += [read_environment(environment), read_overrides(overrides or {})]
    return configured(levels, file=str(system_file if profile is None else profile / FILE_NAME))


def configured(levels: Sequence[Level], *, file: str) -> tuple[Configuration, Sequence[ConfigurationError]]:
    """Return what some levels make, the strongest last, and everything that is wrong with them.

    `file` is where a person sets what is not set.
    """
    merged = merge(levels)
    configuration = Configuration(
        **{section: cls(**merged.table(section)) for section, cls in SECTIONS.items()},
        given=merged.given,
        locks=merged.locks,
        locked_by=merged.locked_by,
        file=file,
    )
    return configuration, [*merged.problems, *_contradictions(configuration)]


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
            problem = f"it leaves out {name}, the default of plugins.{role}"
            yield configuration.error("plugins.enabled", problem, f"a list with it, or another plugins.{role}")
