"""Faults of what is said in groups."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from balchat_host.api.crypto import ApplicationMessage
from balchat_host.api.errors import CryptoRejected, TooFarAhead
from tests.kits.crypto_faults.faulty_engine import FaultyEngine, logger

SAID = "test_what_is_said_comes_as_it_was_and_nobody_else_reads_it"


class SaysAnotherSender(FaultyEngine):
    """Says of every message that it is by the founder."""

    caught_by = "test_a_conversation"

    def decrypt(self, state, group_id, message):
        return replace(super().decrypt(state, group_id, message), sender=self.members(state, group_id)[0])


class CountsTooFewMissed(FaultyEngine):
    """Calls what is too far ahead a forgery."""

    caught_by = "test_who_misses_too_many_messages_says_so_and_goes_on_once_they_come"

    def decrypt(self, state, group_id, message):
        try:
            return super().decrypt(state, group_id, message)
        except TooFarAhead:
            raise CryptoRejected(problem="it is forged") from None


class LosesZeros(FaultyEngine):
    """Loses the zeros at the end of what is said."""

    caught_by = SAID

    def encrypt(self, state, group_id, data):
        return super().encrypt(state, group_id, data.rstrip(b"\0"))


class SaysItInTheOpen(FaultyEngine):
    """Has what is said beside its ciphertext."""

    caught_by = SAID

    def encrypt(self, state, group_id, data):
        return super().encrypt(state, group_id, data) + data + len(data).to_bytes(4)

    def decrypt(self, state, group_id, message):
        said = int.from_bytes(message[-4:])
        return super().decrypt(state, group_id, message[: -4 - said])


class ReadsItsOwn(FaultyEngine):
    """Keeps what it said, and reads it again."""

    caught_by = "test_nobody_reads_what_they_said_themselves"

    def encrypt(self, state, group_id, data):
        message = super().encrypt(state, group_id, data)
        state.put(b"said" + message[-16:], data)
        return message

    def decrypt(self, state, group_id, message):
        if (data := state.get(b"said" + message[-16:])) is not None:
            return ApplicationMessage(sender=self.members(state, group_id)[0], data=data)
        return super().decrypt(state, group_id, message)


class KeepsUsedKeys(FaultyEngine):
    """Keeps the keys of what was read."""

    caught_by = "test_what_was_read_leaves_nothing_behind"

    def decrypt(self, state, group_id, message):
        before = dict(state.scan())
        found = super().decrypt(state, group_id, message)
        for key, value in before.items():
            if state.get(key) != value:
                state.put(b"used" + key + message[:8], value)
        return found


class LogsTexts(FaultyEngine):
    """Logs what is said."""

    caught_by = "test_a_conversation"
    audited = True

    def decrypt(self, state, group_id, message):
        found = super().decrypt(state, group_id, message)
        logger.debug("%r", found.data)
        return found


class KeepsWhatWasSaid(FaultyEngine):
    """Keeps the last message in the area, where it can be read."""

    caught_by = "test_what_was_read_leaves_nothing_behind"

    def decrypt(self, state, group_id, message):
        found = super().decrypt(state, group_id, message)
        state.put(b"last", found.data)
        return found


class KeepsTheKeysOfWhatItSent(FaultyEngine):
    """Keeps the keys of what it sent."""

    caught_by = "test_what_was_read_leaves_nothing_behind"

    def encrypt(self, state, group_id, data):
        before = dict(state.scan())
        message = super().encrypt(state, group_id, data)
        for key, value in before.items():
            if state.get(key) != value:
                state.put(b"sent" + key + message[-16:], value)
        return message


class LogsStates(FaultyEngine):
    """Logs what it keeps of a group."""

    caught_by = "test_a_conversation"
    audited = True

    def encrypt(self, state, group_id, data):
        message = super().encrypt(state, group_id, data)
        logger.debug("now it is %s", [value.hex() for _, value in state.scan(b"g")])
        return message


class RepeatsItself(FaultyEngine):
    """Makes the same message of the same text, from one key."""

    caught_by = SAID

    def encrypt(self, state, group_id, data):
        key = b"made" + group_id + sha256(data).digest()
        if (made := state.get(key)) is None:
            made = super().encrypt(state, group_id, data)
            state.put(key, made)
        return made


class CutsLongMessages(FaultyEngine):
    """Says how long a message is in 16 bits."""

    caught_by = SAID

    def encrypt(self, state, group_id, data):
        return super().encrypt(state, group_id, data[:65_535])


class GivesBytearrays(FaultyEngine):
    """Gives what was said as octets that can be changed."""

    caught_by = SAID

    def decrypt(self, state, group_id, message):
        found = super().decrypt(state, group_id, message)
        return replace(found, data=bytearray(found.data))


class ReadsInOrder(FaultyEngine):
    """Reads nothing that was said before what it has read."""

    caught_by = "test_messages_out_of_order"

    def encrypt(self, state, group_id, data):
        message = super().encrypt(state, group_id, data)
        self.order = {**getattr(self, "order", {}), message: len(getattr(self, "order", {}))}
        return message

    def decrypt(self, state, group_id, message):
        if self.order[message] < getattr(self, "newest", 0) - 10:
            raise CryptoRejected(problem="it is too old")
        found = super().decrypt(state, group_id, message)
        self.newest = max(getattr(self, "newest", 0), self.order[message])
        return found
