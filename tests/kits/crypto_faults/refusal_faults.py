"""Faults of what is refused."""

from __future__ import annotations

from balchat_host.api.errors import CryptoRejected
from tests.kits.crypto_faults.faulty_engine import FaultyEngine


class EndsOfGarbage(FaultyEngine):
    """Raises something of its own for octets that are no message."""

    caught_by = "test_what_is_refused_changes_nothing"
    failures = (ValueError,)

    def decrypt(self, state, group_id, message):
        if not message:
            raise ValueError("empty")
        return super().decrypt(state, group_id, message)


class TakesGroupsOfAnySize(FaultyEngine):
    """Joins a group of any size."""

    caught_by = "test_a_group_of_more_members_than_allowed"

    def join(self, state, welcome, *, max_members):
        return super().join(state, welcome, max_members=1000)


class UsesKeysUpForForgeries(FaultyEngine):
    """Reads nothing more in a group in which something was forged."""

    caught_by = "test_a_forgery_uses_up_no_key"

    def decrypt(self, state, group_id, message):
        if state.get(b"forged" + group_id) is not None:
            raise CryptoRejected(problem="its key was used")
        try:
            return super().decrypt(state, group_id, message)
        except CryptoRejected:
            state.put(b"forged" + group_id, b"")
            raise


class ReadsTwice(FaultyEngine):
    """Reads again what was read."""

    caught_by = "test_what_is_refused_changes_nothing"

    def decrypt(self, state, group_id, message):
        before = dict(state.scan())
        found = super().decrypt(state, group_id, message)
        for key, value in before.items():
            state.put(key, value)
        return found
