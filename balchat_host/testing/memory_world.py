"""The world of accounts in memory: who reaches whom, and what is brought over between them."""

from functools import cache
from random import Random

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import CryptoDescriptor, NoSettings
from balchat_host.api.transport import Verdict
from balchat_host.core.unit_of_work import Policy
from balchat_host.loader.plugins import discover
from balchat_host.testing.simulated_accounts import SimulatedAccount, SimulatedWorld


class MemoryWorld(SimulatedWorld):
    """Where accounts in memory are, and who reaches whom. Each `MemoryAccount` makes one, or joins another's."""

    def __init__(self, engine: CryptoEngine | None = None, *, policy: Policy | None = None) -> None:
        chance = Random(1)  # noqa: S311  # salts that are the same in each run are the point
        super().__init__(engine or installed_engine(), entropy=chance.randbytes, policy=policy)
        self._online: list[tuple[SimulatedAccount, SimulatedAccount]] = []
        self._settling = False

    def clock(self) -> int:
        """Return the time, which goes on by a second."""
        self.pass_time(1)
        return self.now

    def set_online(self, one: SimulatedAccount, other: SimulatedAccount, *, online: bool) -> None:
        """Let two accounts reach each other, or no more."""
        self._online = [pair for pair in self._online if set(pair) != {one, other}]
        if online:
            self._online.append((one, other))
        for each, seen in ((one, other), (other, one)):
            each.notice(seen.peer, reachable=online)
        self.settle()

    def carry(self, author: SimulatedAccount, reader: SimulatedAccount) -> bool:
        """Bring over what is on the wire and what has come to wait; say whether anything was taken or refused.

        What was ignored, as by somebody who blocks its author, leaves again the next time.
        """
        self.go_on(author, reader)
        verdicts: list[Verdict] = []
        while (verdict := self.deliver(author, reader)) is not None:
            verdicts.append(verdict)
        if Verdict.IGNORED in verdicts:
            self.lose(author, reader)
        return any(verdict is not Verdict.IGNORED for verdict in verdicts)

    def exchange(self, one: SimulatedAccount, other: SimulatedAccount) -> None:
        """Bring over what waits on both sides, on fresh connections, until nothing does."""
        self.lose(one, other)
        self.lose(other, one)
        while self.carry(one, other) | self.carry(other, one):
            pass

    def settle(self) -> None:
        """Bring over what waits between those who reach each other."""
        if self._settling:
            return
        self._settling = True
        try:
            while any(self.carry(one, other) | self.carry(other, one) for one, other in self._online):
                pass
        finally:
            self._settling = False


@cache
def installed_engine() -> CryptoEngine:
    """Make the engine of crypto_mls. Raise PluginError where it is not installed."""
    for record in discover(["crypto_mls"]):
        if record.name == "crypto_mls":
            for descriptor in record.usable():
                assert isinstance(descriptor, CryptoDescriptor)
                return descriptor.factory(NoSettings())
    raise AssertionError("what is asked for has a record")
