"""Which era of a conversation is best, and which one we send in. The law is docs/spec/eras.md, "Which era".

Pure functions of what each names: both sides come to the same answer from the same eras, in whatever order they came.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of the eras that we hold of a conversation.

    `founder` is a peer id. `names` are the ids of the eras that it names, and of those that it counts as naming.
    `confirmed`: a message of the other side was read in it.
    """

    era_id: bytes
    founder: bytes
    names: frozenset[bytes]
    confirmed: bool


def best(held: Collection[Candidate]) -> Candidate:
    """Return the best of some eras, at least one."""
    return _best(held, _named_by(held))


def sending(held: Collection[Candidate]) -> Candidate:
    """Return the one to send in, of at least one: the best of the confirmed ones or, where none is, of all."""
    return _best([each for each in held if each.confirmed] or held, _named_by(held))


def ordered(held: Collection[Candidate]) -> Sequence[Candidate]:
    """Return some eras in the order in which we would send in them, if those before were not there."""
    named, left = _named_by(held), set(held)
    result: list[Candidate] = []
    while left:
        result.append(_best([each for each in left if each.confirmed] or left, named))
        left.discard(result[-1])
    return result


def followed(held: Collection[Candidate]) -> Sequence[Candidate]:
    """Return those that have done their service: a better one is confirmed, and none of them is the best of all.

    One that is better than all that are confirmed is not among them, even if there is a better one still: the other
    side may have heard us in it, and send in it.
    """
    named, confirmed = _named_by(held), [each for each in held if each.confirmed]
    if not confirmed:
        return []
    kept = sending(held), best(held)

    def is_done(era: Candidate) -> bool:
        return era.confirmed or any(_best([era, than], named) == than for than in confirmed)

    return [each for each in held if each not in kept and is_done(each)]


def _best(some: Collection[Candidate], named: Mapping[bytes, frozenset[bytes]]) -> Candidate:
    tops = [each for each in some if not any(_is_worse(each, than, named) for than in some)]
    return min(tops, key=lambda each: (each.founder, each.era_id))


def _is_worse(one: Candidate, than: Candidate, named: Mapping[bytes, frozenset[bytes]]) -> bool:
    """Return whether one is named by another, and does not name that: in a circle nothing is worse."""
    return one.era_id in named[than.era_id] and than.era_id not in named[one.era_id]


def _named_by(held: Collection[Candidate]) -> dict[bytes, frozenset[bytes]]:
    """Return, for each era, what it names directly or by way of others."""
    named = {each.era_id: set(each.names) for each in held}
    for middle, beyond in named.items():
        for reached in named.values():
            if middle in reached:
                reached.update(beyond)
    return {era_id: frozenset(reached) for era_id, reached in named.items()}
