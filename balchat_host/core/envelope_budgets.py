"""What others may cost us: one row for each kind of envelope, and the sizes of what stands inside.

The same table stands in docs/threat-model.md. Sizes are checked here, before anybody parses: whatever the crypto engine
does then, it does it to so many octets. They are constants of docs/spec/envelope.md and hold for everybody. Who sends
does not matter: somebody who is a contact when an envelope leaves may be none when it arrives, and the two must not
judge one envelope differently. Rates delay: what comes too soon may come again, and is never refused for good.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from balchat_host.api.errors import MalformedEnvelope
from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_host.core.envelope import HEAD_SIZE, Envelope, Kind

STRANGER_MS: Final = 20
"""Milliseconds in the vault's writer that the worst envelope of a stranger may take."""
CONTACT_MS: Final = 100
"""The same for a contact's."""

UNPROVEN_PER_HOUR: Final = 480
"""How many contact requests an hour we look into of which a transport cannot prove whose they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one kind of envelope may cost.

    `largest` is the octets of the largest payload. `strangers_per_hour` is for all strangers together, and the default
    of a setting; `contact_per_hour` is for each contact. None: it is not counted, because a stranger's costs a lookup,
    and because a contact's messages have the pace of their stream. The milliseconds are what the worst payload of that
    size may take in the vault's writer.
    """

    kind: Kind
    largest: int
    strangers_per_hour: int | None
    contact_per_hour: int | None
    stranger_ms: int = STRANGER_MS
    contact_ms: int = CONTACT_MS


BUDGETS: Final = MappingProxyType(
    {
        each.kind: each
        for each in (
            Budget(
                kind=Kind.MLS_MESSAGE,
                largest=MAX_ENVELOPE_SIZE - HEAD_SIZE,
                strangers_per_hour=None,
                contact_per_hour=None,
            ),
            # Empty today; a later version may say something in it, which is passed over.
            Budget(kind=Kind.KEY_PACKAGE_REQUEST, largest=256, strangers_per_hour=60, contact_per_hour=30),
            Budget(kind=Kind.KEY_PACKAGE, largest=8 * 1024, strangers_per_hour=None, contact_per_hour=30),
            Budget(kind=Kind.CONTACT_REQUEST, largest=32 * 1024, strangers_per_hour=60, contact_per_hour=30),
            # Without a KeyPackage that was given to its sender it is not looked into.
            Budget(kind=Kind.ERA, largest=8 * 1024, strangers_per_hour=None, contact_per_hour=12),
        )
    }
)


PORTION_ENVELOPES: Final = 128
PORTION_OCTETS: Final = 64 * 1024
"""What one unit takes in at most, unless one envelope alone is larger: others wait for the vault's writer meanwhile."""


def portions(envelopes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Divide envelopes, in order, into what is taken in by one unit each."""
    portion: list[bytes] = []
    octets = 0
    for each in envelopes:
        if portion and (len(portion) == PORTION_ENVELOPES or octets + len(each) > PORTION_OCTETS):
            yield portion
            portion, octets = [], 0
        portion.append(each)
        octets += len(each)
    if portion:
        yield portion


def check(envelope: Envelope) -> None:
    """Raise MalformedEnvelope where an envelope is larger than any of its kind may be."""
    size, largest = len(envelope.payload), BUDGETS[envelope.kind].largest
    if size > largest:
        raise MalformedEnvelope(problem=f"a {envelope.kind.name} of {size} octets; at most {largest} are allowed")
