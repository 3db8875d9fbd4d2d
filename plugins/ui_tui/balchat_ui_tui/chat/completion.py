"""What can be completed before the cursor: emoji by their `:short` names, and people by `@` and their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from balchat_host.api.text import visible
from balchat_ui_tui.emoji import emoji_named, emoji_starting_with

_SHORT: Final = re.compile(r"(?:^|[\s(]):([a-z0-9_+-]{2,30})$")
_WHOLE: Final = re.compile(r":([a-z0-9_+-]{1,30}):$")
_MENTION: Final = re.compile(r"(?:^|[\s(])@([^@\s][^@]{0,63}|)$")
_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """What can stand in place of the last `typed` characters. `name` is what a person sees it by."""

    text: str
    name: str
    typed: int


def find(before: str, names: Sequence[str]) -> tuple[Completion, ...]:
    """Return what may be meant at the end of a text, the likeliest first."""
    if (short := _SHORT.search(before)) is not None:
        typed = len(short[1]) + 1
        found = emoji_starting_with(short[1], _MOST)
        return tuple(Completion(emoji, f"{emoji} {name}", typed) for name, emoji in found)
    if (mention := _MENTION.search(before)) is not None:
        begun = mention[1].casefold()
        fitting = (name for name in names if name.casefold().startswith(begun) and visible(name) == name)
        return tuple(Completion(f"@{name} ", f"@{name}", len(mention[1]) + 1) for name in fitting)[:_MOST]
    return ()


def complete(before: str) -> Completion | None:
    """Return the emoji whose whole short name ends a text."""
    whole = _WHOLE.search(before)
    emoji = emoji_named(whole[1]) if whole else None
    return Completion(emoji, emoji, len(whole[0])) if whole and emoji else None
