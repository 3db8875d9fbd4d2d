"""What it costs that a conversation heals: octets a week, and what stays in the vault.

Two accounts on the real core and the real crypto engine, in virtual time, hour by hour: what leaves is counted where it
leaves. Nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, cast

from balchat_crypto_mls.engine import MlsEngine
from balchat_relay_proto.sealing import OVERHEAD
from balchat_relay_proto.sizes import ENVELOPE_SIZES

from balchat_host.api.transport import Verdict
from balchat_host.core import contacts, housekeeping
from balchat_host.core.eras import schedule
from bench.figure import AtMost, Figure
from tests.support.relayed_world import RelayedWorld

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Healing"
NOTE = (
    "A conversation of two in which both write once a day, over virtual weeks; each week it goes to another era. Octets"
    " are what leaves on both sides together, beyond what leaves on a day without an era; by relay that is whole"
    " envelopes of the smallest class that holds each, with receipts. The vault: its pages in use, where nobody writes,"
    " and the keys are renewed each week by hand."
)
_WEEKS: Final = 8
_HOUR: Final = 3600
_MONTH: Final = 30
_YEAR: Final = 365


def measure(room: Room) -> list[Figure]:
    del room  # nothing lies on the disk
    direct, relayed = _Two(), _Two()
    octets = direct.octets_of_healing(by_relay=False)
    envelopes = relayed.octets_of_healing(by_relay=True) / ENVELOPE_SIZES[0]
    vault = _Two()
    month = vault.size_after(days=_MONTH)
    year = vault.size_after(days=_YEAR - _MONTH)
    return [
        Figure(
            what="octets a week and contact, direct",
            measured=octets,
            against="one envelope of the smallest class",
            limit=ENVELOPE_SIZES[0],
            unit="octets",
        ),
        Figure(
            what="envelopes a week and contact, by relay, of each side",
            measured=envelopes / 2,
            against="the smallest class",
            limit=1,
            unit="envelopes",
            target=AtMost(3),
        ),
        Figure(
            what="a vault after a year of weekly eras",
            measured=year,
            against="after a month",
            limit=month,
            unit="KB",
            target=AtMost(1.2),
        ),
    ]


class _Two(RelayedWorld):
    """Two contacts, and what has left them."""

    def __init__(self) -> None:
        super().__init__(1, MlsEngine())
        self._left = 0
        self._by_relay = False
        self.entropy = secrets.token_bytes
        self.alice, self.bob = self.account("Alice"), self.account("Bob")
        self.alice.add(self.bob)
        self.heal(self.alice, self.bob)
        self.bob.accept(self.alice)
        self.heal(self.alice, self.bob)

    def octets_of_healing(self, *, by_relay: bool) -> float:
        """Return how many octets leave in a week that would not if no era was founded."""
        self._by_relay = by_relay
        days = [self._day() for _ in range(7 * _WEEKS)]
        return (sum(days) - len(days) * min(days)) / _WEEKS

    def size_after(self, *, days: int) -> float:
        """Let days go by in which nobody writes, with an era each week; return the kilobytes of a vault then."""
        for day in range(days):
            if day % 7 == 0:
                self.alice.change(lambda unit: schedule.renew(unit, contacts.find(unit.tx, "Bob")))
            for _ in range(24):
                self.pass_time(_HOUR)
                self._tidy()
                self._exchange()
        found = self.alice.read(
            lambda tx: tx.query(
                "SELECT (page_count - freelist_count) * page_size"
                " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            )
        )
        return cast("int", found[0][0]) / 1000

    def _day(self) -> int:
        before = self._left
        for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
            one.write(other, "Shall we meet at six?")
        for _ in range(24):
            self.pass_time(_HOUR)
            self._tidy()
            self._exchange()
        return self._left - before

    def _tidy(self) -> None:
        for each in (self.alice, self.bob):
            each.change(housekeeping.tidy)

    def _exchange(self) -> None:
        for _ in range(4):
            for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
                if self._by_relay:
                    self.store(one, other)
                    while self.collect(other):
                        pass
                else:
                    self.connect(one, other)
                    while self.deliver(one, other) not in {None, Verdict.IGNORED}:
                        pass

    def leaves(self, envelope: bytes) -> None:
        self._left += _class_of(envelope) if self._by_relay else len(envelope)


def _class_of(envelope: bytes) -> int:
    """Return how many octets an envelope has at a relay."""
    return next(size for size in ENVELOPE_SIZES if size >= len(envelope) + OVERHEAD)
