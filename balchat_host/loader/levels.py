"""The levels that configuration comes from, each read into the values that it gives, by dotted key.

A level is read on its own: what its values mean, and which level wins, is `configuration`'s matter. What makes a level
unreadable as a whole is kept beside the values that could be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from balchat_common.setting_forms import what_is
from balchat_common.toml_files import Unusable, parse_toml, read_toml, value_of

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.schema import SECTIONS, SETTINGS

SYSTEM_FILE: Final = Path("/etc/balchat/balchat.toml")
FILE_NAME: Final = "balchat.toml"
"""The configuration file's name in a profile's directory."""

ENVIRONMENT_PREFIX: Final = "BALCHAT_SET_"
WHOLE_FILE: Final = "the file"
"""The key of what is wrong with a file as a whole."""
OPTION: Final = "--set"

_TABLES: Final = (*SECTIONS, SETTINGS, "locks")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValue:
    """One value as a level gives it. `source` names the file, the variable or the option. It may be a secret."""

    key: str
    value: object = field(repr=False)
    source: str

    def error(self, problem: str, allowed: str) -> ConfigurationError:
        """Return the error to raise about this value."""
        return ConfigurationError(file=self.source, key=self.key, problem=problem, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What one level says. Only the system file `may_lock`."""

    given: list[ConfigValue] = field(default_factory=list[ConfigValue])
    problems: list[ConfigurationError] = field(default_factory=list[ConfigurationError])
    may_lock: bool = False


def read_file(path: Path, *, may_lock: bool = False, text: str | None = None) -> Level:
    """Read a configuration file; one that does not exist says nothing. With `text`, read that instead of the file."""
    level = Level(may_lock=may_lock)
    try:
        document = read_toml(path) if text is None else parse_toml(text)
    except FileNotFoundError:
        return level
    except Unusable as error:
        level.problems.append(
            ConfigurationError(file=str(path), key=WHOLE_FILE, problem=error.problem, allowed=error.allowed)
        )
        return level
    for name, table in document.items():
        if name in _TABLES and not isinstance(table, dict):
            level.problems.append(
                ConfigurationError(file=str(path), key=name, problem=f"it is {what_is(table)}", allowed="a table")
            )
            continue
        level.given.extend(
            ConfigValue(key=key, value=value, source=str(path)) for key, value in _leaves(name, cast(object, table))
        )
    return level


def read_environment(environment: Mapping[str, str]) -> Level:
    """Read the variables `BALCHAT_SET_…`, in which a dot of the key is `__`."""
    return Level(
        given=[
            ConfigValue(
                key=name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."),
                value=value_of(text),
                source=f"environment variable {name}",
            )
            for name, text in sorted(environment.items())
            if name.startswith(ENVIRONMENT_PREFIX)
        ]
    )


def read_overrides(overrides: Mapping[str, str]) -> Level:
    """Read what the command line says, by dotted key."""
    return Level(given=[ConfigValue(key=key, value=value_of(text), source=OPTION) for key, text in overrides.items()])


def take_overrides(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take every `--set KEY=VALUE` out of a command line; return them by key, and what is left.

    What stands behind `--` is left alone. Raise ConfigurationError.
    """
    overrides: dict[str, str] = {}
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument == OPTION or argument.startswith(f"{OPTION}="):
            said = next(remaining, "") if argument == OPTION else argument.removeprefix(f"{OPTION}=")
            key, sign, text = said.partition("=")
            if not key or not sign:
                problem = "it must be a key, = and a value"
                raise ConfigurationError(file=OPTION, key=said or "nothing", problem=problem, allowed="KEY=VALUE")
            overrides[key] = text
        else:
            rest.append(argument)
    return overrides, rest


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Return the values of a table by dotted key. A plugin's setting is one value, even if it is a table itself."""
    if isinstance(value, dict) and name.count(".") < (2 if name.partition(".")[0] == SETTINGS else 1):
        for key, inner in cast(dict[str, object], value).items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, value
