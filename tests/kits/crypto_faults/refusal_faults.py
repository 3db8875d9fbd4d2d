"""Faults of what is refused."""

from __future__ import annotations

from contextlib import suppress

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


class TakesMoreThanAMessage(FaultyEngine):
    """Reads a message that has something behind it."""

    caught_by = "test_a_forgery_uses_up_no_key"

    def decrypt(self, state, group_id, message):
        with suppress(CryptoRejected):
            return super().decrypt(state, group_id, message)
        return super().decrypt(state, group_id, message[:-1])


class SkipsToTheBeginning(FaultyEngine):
    """Reads a message that has something before it."""

    caught_by = "test_a_forgery_uses_up_no_key"

    def decrypt(self, state, group_id, message):
        return super().decrypt(state, group_id, message.lstrip(b"\0") if message[:1] == b"\0" else message)


class ReadsWhatIsForAnotherGroup(FaultyEngine):
    """Reads in whichever group it fits what is handed to it for another."""

    caught_by = "test_what_is_for_another_group_is_refused_whatever_follows_its_header"

    def decrypt(self, state, group_id, message):
        try:
            return super().decrypt(state, group_id, message)
        except CryptoRejected:
            if b"another" in message:
                return super().decrypt(state, b"another", message)
            raise


class JoinsBeforeItCounts(FaultyEngine):
    """Uses a key package up for a group that has too many members."""

    caught_by = "test_a_group_of_more_members_than_allowed"

    def join(self, state, welcome, *, max_members):
        joined = super().join(state, welcome, max_members=1000)
        if len(self.members(state, joined.group_id)) > max_members:
            super().delete_group(state, joined.group_id)
            raise CryptoRejected(problem="it has too many members")
        return joined


class CountsOneMemberTooFew(FaultyEngine):
    """Refuses a group that has just as many members as it may."""

    caught_by = "test_a_group_of_more_members_than_allowed"

    def join(self, state, welcome, *, max_members):
        return super().join(state, welcome, max_members=max_members - 1 if max_members > 2 else max_members)
