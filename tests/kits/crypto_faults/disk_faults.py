"""Faults of what lies in the area."""

from __future__ import annotations

from contextlib import suppress

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
