"""The oracle of eras: which one a side sends in, by docs/spec/eras.md alone. It shares no code with the host.

It looks at all eras at once and tries every way from one to another, however slow that is.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Era:
    """An era that a side holds. `names` has what counts as named; `confirmed`: the other side was heard in it."""

    id: bytes
    founder: bytes
    names: frozenset[bytes]
    confirmed: bool = False


def sends_in(held: Collection[Era]) -> bytes | None:
    """Return the id of the era that a side sends in."""
    return best(held, [era for era in held if era.confirmed] or held)


def best(held: Collection[Era], among: Collection[Era] | None = None) -> bytes | None:
    """Return the id of the best of these eras, or of some `among` them."""
    some = held if among is None else among
    ways = {(one.id, other.id) for one in held for other in held if other.id in one.names}
    while longer := {(a, d) for a, b in ways for c, d in ways if b == c} - ways:
        ways |= longer
    left = [
        era for era in some if not any((other.id, era.id) in ways and (era.id, other.id) not in ways for other in some)
    ]
    return min(left, key=lambda era: (era.founder, era.id)).id if left else None
