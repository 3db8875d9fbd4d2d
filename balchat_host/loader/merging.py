"""Levels laid over each other: which value holds, and where a lock stands against one.

Rules
-----
- A later level replaces an earlier one's value of a key, as a whole.
- A key that the system file locks is refused at every later level, whatever value it gives there.
- What is wrong is kept as a problem, and has no effect on the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from balchat_common.setting_forms import what_is
from balchat_common.settings import Unfit
from balchat_common.words import nearest, one_line

from balchat_host.api.errors import ConfigurationError, ConfigurationLocked
from balchat_host.loader.levels import ConfigValue, Level
from balchat_host.loader.schema import KEYS, LOCK_KEYS, LOCKS, SECTIONS, SETTINGS

_SETTING_DOTS: Final = 2
"""A plugin's setting is called settings.PLUGIN.KEY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedConfig:
    """What all levels together say: values by dotted key as the host uses them, and as they were given."""

    values: Mapping[str, Any]
    given: Mapping[str, ConfigValue]
    locks: tuple[str, ...]
    locked_by: str
    problems: Sequence[ConfigurationError]

    def table(self, name: str) -> dict[str, Any]:
        """Return the values of one table of host keys, by key."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}


def merge(levels: Sequence[Level]) -> MergedConfig:
    """Lay levels over each other, the strongest last."""
    problems: list[ConfigurationError] = []
    locks: tuple[str, ...] = ()
    locked_by = ""
    values: dict[str, Any] = {}
    given: dict[str, ConfigValue] = {}
    for level in levels:
        problems += level.problems
        for item in level.given:
            try:
                if item.key == LOCKS:
                    locks, locked_by = _read_locks(item, level), item.source
                    continue
                if covers(locks, item.key) and not level.may_lock:
                    raise ConfigurationLocked(file=item.source, key=item.key, lock=locked_by)
                values[item.key] = _read(item)
                given[item.key] = item
            except ConfigurationError as error:
                problems.append(error)
    return MergedConfig(values=values, given=given, locks=locks, locked_by=locked_by, problems=problems)


def covers(locks: Sequence[str], key: str) -> bool:
    """Return whether a key is locked, itself or with its whole table."""
    return any(key == lock or key.startswith(f"{lock}.") for lock in locks)


def _read(item: ConfigValue) -> object:
    """Read a value as its key takes it; plugins' settings stay as they are."""
    if item.key in KEYS:
        try:
            return KEYS[item.key].read(item.value)
        except Unfit as unfit:
            raise item.error(unfit.problem, unfit.allowed) from None
    if item.key.startswith(f"{SETTINGS}."):
        if item.key.count(".") == 1:
            raise item.error(f"it is {what_is(item.value)}", "a table")
        return item.value
    raise _unknown(item, item.key)


def _read_locks(item: ConfigValue, level: Level) -> tuple[str, ...]:
    if not level.may_lock:
        raise item.error("only the system file can lock keys", "nothing here")
    try:
        keys: tuple[str, ...] = LOCK_KEYS.read(item.value)
    except Unfit as unfit:
        raise item.error(unfit.problem, unfit.allowed) from None
    for key in keys:
        if key in {*SECTIONS, *KEYS, SETTINGS}:
            continue
        if not key.startswith(f"{SETTINGS}."):
            raise _unknown(item, key)
        if key.count(".") > _SETTING_DOTS:
            raise item.error(f"there is no such key as {key}", "a table of a plugin, or a key in it")
    return keys


def _unknown(item: ConfigValue, key: str) -> ConfigurationError:
    section = key.partition(".")[0]
    if section in SECTIONS:
        allowed = one_line([known.partition(".")[2] for known in KEYS if known.startswith(f"{section}.")])
    else:
        allowed = one_line([*SECTIONS, SETTINGS, "locks"])
    near = nearest(key, KEYS)
    what = "there is no such key" if key == item.key else f"there is no such key as {key or 'nothing'}"
    return item.error(f"{what}{f'; {near} is the nearest' if near else ''}", allowed)
