"""Sizes of files as people read and type them."""

import re
from typing import Final

from balchat_host.api.errors import BadInput

_THOUSAND: Final = 1000
_TEN: Final = 10
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_TYPED: Final = re.compile(r"(\d{1,15})(?:\s*([kmgt])b?)?", re.IGNORECASE)


def size_words(octets: float) -> str:
    """Return a number of octets with a unit: `612 B`, `1.5 MB`."""
    unit = 0
    while round(octets) >= _THOUSAND and unit < len(_UNITS) - 1:
        octets, unit = octets / _THOUSAND, unit + 1
    digits = 1 if unit and round(octets, 1) < _TEN else 0
    return f"{octets:.{digits}f} {_UNITS[unit]}"


def parse_size(typed: str) -> int:
    """Return the octets of a size such as `500k`, `10MB` or `2g`. Raise BadInput."""
    found = _TYPED.fullmatch(typed.strip())
    if found is None:
        raise BadInput(what=f"“{typed}”", problem="it is not a size such as 500k, 10M or 2G")
    power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
    return int(found[1]) * _THOUSAND**power
