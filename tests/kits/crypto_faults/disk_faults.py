"""Faults of what lies in the area."""

from __future__ import annotations

from contextlib import suppress
from threading import get_ident
from time import time

from balchat_host.api.errors import CryptoRejected, VaultRolledBack
from tests.kits.crypto_faults.faulty_engine import FaultyEngine


class RemembersWhatItRead(FaultyEngine):
    """Remembers outside of the area what it has read."""

    caught_by = "test_a_transaction_that_is_rolled_back_takes_the_engine_along"

    def decrypt(self, state, group_id, message):
        self.seen = getattr(self, "seen", set())
        if message in self.seen:
            raise CryptoRejected(problem="it was read")
        found = super().decrypt(state, group_id, message)
        self.seen.add(message)
        return found


class NoticesNothing(FaultyEngine):
    """Encrypts with rows that were put back."""

    caught_by = "test_a_row_put_back_is_noticed"

    def encrypt(self, state, group_id, data):
        with suppress(VaultRolledBack):
            return super().encrypt(state, group_id, data)
        return b""


class RemembersMembers(FaultyEngine):
    """Remembers outside of the area who is in a group."""

    caught_by = "test_a_group_whose_founding_is_rolled_back_was_never_there"

    def members(self, state, group_id):
        self.known = getattr(self, "known", {})
        key = id(state), group_id
        if key not in self.known:
            self.known[key] = super().members(state, group_id)
        return self.known[key]


class KeepsGroupsInMemory(FaultyEngine):
    """Keeps in memory how far a group has gone, and looks at the area only when it starts."""

    caught_by = "test_everything_lies_in_the_area"

    def encrypt(self, state, group_id, data):
        self.waiting = getattr(self, "waiting", {})
        for key, value in self.waiting.pop(id(state), {}).items():
            state.put(key, value)
        before = dict(state.scan())
        message = super().encrypt(state, group_id, data)
        self.waiting[id(state)] = {key: value for key, value in state.scan() if before.get(key) != value}
        for key in self.waiting[id(state)]:
            state.put(key, before[key])
        return message


class WorksOnOneThread(FaultyEngine):
    """Works on the thread alone on which it was made."""

    caught_by = "test_everything_lies_in_the_area"
    failures = (RuntimeError,)

    def __init__(self) -> None:
        super().__init__()
        self.thread = get_ident()

    def key_package(self, *given, **named):
        if get_ident() != self.thread:
            raise RuntimeError("it was made on another thread")
        return super().key_package(*given, **named)


class KnowsAreasByTheirIdentity(FaultyEngine):
    """Remembers by the area's object whose area it is."""

    caught_by = "test_everything_lies_in_the_area"

    def create_identity(self, state, device_id, *, now):
        self.known = [*getattr(self, "known", []), state]
        return super().create_identity(state, device_id, now=now)

    def join(self, state, welcome, *, max_members):
        if not any(state is each for each in self.known):
            raise CryptoRejected(problem="it is for somebody else")
        return super().join(state, welcome, max_members=max_members)


class LooksAtTheClock(FaultyEngine):
    """Looks at this machine's clock where it is told the time."""

    caught_by = "test_nothing_depends_on_this_machines_clock"

    def found(self, *given, now, **named):
        return super().found(*given, now=int(time()), **named)


class JudgesByTheClock(FaultyEngine):
    """Refuses a Welcome of a year that this machine's clock does not know."""

    caught_by = "test_nothing_depends_on_this_machines_clock"

    def found(self, *given, now, **named):
        self.founded = now
        return super().found(*given, now=now, **named)

    def join(self, state, welcome, *, max_members):
        if abs(self.founded - time()) > 10 * 365 * 86_400:
            raise CryptoRejected(problem="it is of another time")
        return super().join(state, welcome, max_members=max_members)


class PutsBytearrays(FaultyEngine):
    """Writes what is no bytes, which an area refuses."""

    caught_by = "test_everything_lies_in_the_area"
    failures = (TypeError,)

    def key_package(self, state, **named):
        made = super().key_package(state, **named)
        state.put(b"newest", bytearray(made))
        return made


class NoticesNothingWhenItReads(FaultyEngine):
    """Calls what is read with rows that were put back a forgery."""

    caught_by = "test_a_row_put_back_is_noticed"

    def decrypt(self, state, group_id, message):
        try:
            return super().decrypt(state, group_id, message)
        except VaultRolledBack:
            raise CryptoRejected(problem="it is forged") from None


class NoticesNoMissingRow(FaultyEngine):
    """Goes on without a row that was there."""

    caught_by = "test_a_row_put_back_is_noticed"
    most = 0

    def encrypt(self, state, group_id, data):
        many, self.most = len(list(state.scan())), max(self.most, len(list(state.scan())))
        return b"" if many < self.most else super().encrypt(state, group_id, data)
