"""How loud a voice message is, as a row of bars."""

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_LOUDEST: Final = 255


def bars(levels: Sequence[int], most: int) -> str:
    """Return at most so many bars: of each part of the levels, of 0 to 255, the loudest."""
    if not levels:
        return ""
    count = min(most, len(levels))
    parts = (levels[at * len(levels) // count : (at + 1) * len(levels) // count] for at in range(count))
    return "".join(_BARS[min(max(*part, 0), _LOUDEST) * len(_BARS) // (_LOUDEST + 1)] for part in parts)
