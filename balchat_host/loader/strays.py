"""Names in a configuration that no installed plugin has: what is said of them would hold for nobody, unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_common.settings import settings_of
from balchat_common.words import nearest, one_line

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.schema import LOCKS, SETTINGS, belongs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from balchat_host.loader.configuration import Configuration

_VERSIONS = "plugins.versions"


def strays(
    configuration: Configuration, made: Mapping[str, object], asleep: Sequence[str], names: Sequence[str]
) -> Iterator[ConfigurationError]:
    """Find them: tables of settings, locks of settings, versions.

    `made` are the settings of the plugins that can be used, by name; `asleep` the entry points of the others that are
    installed; `names` those of all.
    """
    for name, given in configuration.settings.items():
        if not _is_known(name, made, asleep):
            problem = (
                f"no installed plugin has this name{_hint(name, made)}. If it was uninstalled, take its settings out"
            )
            key = f"{SETTINGS}.{name}"
            yield ConfigurationError(
                file=next(iter(given.values())).source, key=key, problem=problem, allowed=one_line([*made, *asleep])
            )
    for lock in configuration.locks:
        table, _, rest = lock.partition(".")
        name, _, key = rest.partition(".")
        if table != SETTINGS or not name:
            continue
        if not _is_known(name, made, asleep):
            problem = f"{lock} locks the settings of no installed plugin{_hint(name, made)}"
            yield _lock_error(configuration, problem, [*made, *asleep])
        elif key and name in made and key not in (known := settings_of(type(made[name]))):
            yield _lock_error(
                configuration, f"{lock} locks a setting that {name} does not have{_hint(key, known)}", known
            )
    for name in configuration.plugins.versions:
        if name not in names:
            yield configuration.error(_VERSIONS, f"{name} is no installed plugin{_hint(name, names)}", one_line(names))


def _is_known(name: str, made: Mapping[str, object], asleep: Sequence[str]) -> bool:
    return name in made or any(belongs(name, plugin) for plugin in asleep)


def _hint(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    near = nearest(name, known)
    return f"; {near} is the nearest" if near else ""


def _lock_error(
    configuration: Configuration, problem: str, allowed: Mapping[str, object] | Sequence[str]
) -> ConfigurationError:
    return ConfigurationError(file=configuration.locked_by, key=LOCKS, problem=problem, allowed=one_line(list(allowed)))
