"""Which arguments of a command are options, and which are text that begins with a dash.

A text is often a list item, a negative number or a rule of dashes. So behind the first argument, which is a name, an
argument that begins with a dash is text unless it is spelt as an option of the command is, or nearly so: a mistyped
option must not be sent to somebody.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

_NEARLY: Final = 0.75
"""How much alike two words are, from 0 to 1, that one may be the other mistyped."""


class NoSuchOption(ValueError):
    """The command line has something that looks like an option and is none."""


def options_first(arguments: Sequence[str], options: Mapping[str, Any], room: int) -> list[str]:
    """Return a command line in which options stand before `--`, and everything else behind it.

    `options` has typer's parameters by each way to spell them; `room` is how many arguments the command takes. Raise
    NoSuchOption.
    """
    found: list[str] = []
    others: list[str] = []
    rest = deque(arguments)
    while rest:
        argument = rest.popleft()
        if argument == "--":
            others += rest
            break
        name, value_follows, _ = argument.partition("=")
        if name in options:
            found.append(argument)
            if not (options[name].is_flag or value_follows) and rest:
                found.append(rest.popleft())
        elif len(argument) > 1 and argument.startswith("-"):
            _require_text(argument, options, allowed=0 < len(others) < room)
            others.append(argument)
        else:
            others.append(argument)
    return [*found, "--", *others]


def _require_text(argument: str, options: Mapping[str, Any], *, allowed: bool) -> None:
    if " " in argument and allowed:
        return
    near = get_close_matches(argument.partition("=")[0], options, n=1, cutoff=_NEARLY)
    if near or not allowed:
        meant = f" Did you mean {near[0]}?" if near else ""
        raise NoSuchOption(
            f"No such option: {argument}.{meant} A name or a text that looks like one stands behind `--`"
        )
