"""Faults of groups and what is said in them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from balchat_host.api.crypto import ApplicationMessage
from balchat_host.api.errors import CryptoRejected, TooFarAhead
from balchat_host.api.types import DeviceIdentity
from tests.kits.crypto_faults.faulty_engine import FaultyEngine, logger

MIXED = "test_groups_do_not_mix"
SAID = "test_what_is_said_comes_as_it_was_and_nobody_else_reads_it"


class SaysAnotherSender(FaultyEngine):
    """Says of every message that it is by the founder."""

    caught_by = "test_a_conversation"

    def decrypt(self, state, group_id, message):
        return replace(super().decrypt(state, group_id, message), sender=self.members(state, group_id)[0])


class NamesAccountsOnly(FaultyEngine):
    """Says of every message that it is by the account's first device."""

    caught_by = "test_each_device_of_an_account_is_a_member_of_its_own"

    def decrypt(self, state, group_id, message):
        found = super().decrypt(state, group_id, message)
        members = self.members(state, group_id)
        first = next(each for each in members if each.peer == found.sender.peer)
        return replace(found, sender=DeviceIdentity(peer=first.peer, device_id=first.device_id))


class HidesMembers(FaultyEngine):
    """Does not name all members."""

    caught_by = "test_all_whom_a_group_is_founded_with_hear_each_other"

    def members(self, state, group_id):
        return super().members(state, group_id)[:2]


class OneEraForAll(FaultyEngine):
    """Has one era id for every group."""

    caught_by = "test_all_members_of_a_group_and_nobody_else_know_its_era_id"

    def found(self, *given, **named):
        return replace(super().found(*given, **named), era_id=bytes(16))

    def join(self, *given, **named):
        return replace(super().join(*given, **named), era_id=bytes(16))


class ForgetsWhatTheFounderKnew(FaultyEngine):
    """Does not say which eras the founder knew."""

    caught_by = "test_a_group_says_who_founded_it_and_which_eras_they_knew"

    def join(self, *given, **named):
        return replace(super().join(*given, **named), knows=())


class ReadsInAnyGroup(FaultyEngine):
    """Reads a message of another group."""

    caught_by = MIXED

    def decrypt(self, state, group_id, message):
        for each in [group_id, *self.groups(state)]:
            with suppress(CryptoRejected):
                return super().decrypt(state, each, message)
        return super().decrypt(state, group_id, message)


class KeepsDeletedGroups(FaultyEngine):
    """Keeps a group that was deleted."""

    caught_by = MIXED

    def delete_group(self, state, group_id):
        pass


class CountsTooFewMissed(FaultyEngine):
    """Calls what is too far ahead a forgery."""

    caught_by = "test_who_misses_too_many_messages_says_so_and_goes_on_once_they_come"

    def decrypt(self, state, group_id, message):
        try:
            return super().decrypt(state, group_id, message)
        except TooFarAhead:
            raise CryptoRejected(problem="it is forged") from None


class LeavesTraces(FaultyEngine):
    """Writes before it knows whether it can."""

    caught_by = "test_what_cannot_be_founded"

    def found(self, state, group_id, *given, **named):
        state.put(b"founding" + group_id, b"")
        return super().found(state, group_id, *given, **named)


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


class NamesNoGroups(FaultyEngine):
    """Does not name its groups."""

    caught_by = MIXED

    def groups(self, state):
        return []


class KeepsTheOldDevicesGroups(FaultyEngine):
    """Keeps its groups when it becomes another device."""

    caught_by = "test_who_becomes_another_device_has_no_group_and_no_key_package_and_is_the_same_account"

    def become_device(self, state, device_id, *, now):
        before = dict(state.scan())
        super().become_device(state, device_id, now=now)
        for key in before.keys() - dict(state.scan()).keys():
            state.put(key, before[key])


class HasOneReference(FaultyEngine):
    """Gives every key package the same reference."""

    caught_by = "test_a_key_package_and_a_welcome_that_answers_it_have_one_reference"

    def reference(self, key_package):
        super().reference(key_package)
        return bytes(32)

    def welcome_reference(self, welcome):
        super().welcome_reference(welcome)
        return bytes(32)


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


class KeepsADeletedGroupsState(FaultyEngine):
    """Keeps the state of a group that was deleted under another name."""

    caught_by = "test_a_group_that_is_deleted_leaves_nothing_behind"

    def delete_group(self, state, group_id):
        before = dict(state.scan())
        super().delete_group(state, group_id)
        for key in before.keys() - dict(state.scan()).keys():
            state.put(b"deleted" + key, before[key])


class MakesErasOfMembers(FaultyEngine):
    """Makes an era id of what others know: the group's id and who is in it."""

    caught_by = "test_all_members_of_a_group_and_nobody_else_know_its_era_id"

    def era_id(self, state, group_id):
        members = b"".join(each.peer.octets for each in self.members(state, group_id))
        return sha256(group_id + members).digest()[:16]

    def found(self, state, group_id, *given, **named):
        found = super().found(state, group_id, *given, **named)
        return replace(found, era_id=self.era_id(state, group_id))

    def join(self, state, *given, **named):
        joined = super().join(state, *given, **named)
        return replace(joined, era_id=self.era_id(state, joined.group_id))


class LogsStates(FaultyEngine):
    """Logs what it keeps of a group."""

    caught_by = "test_a_conversation"
    audited = True

    def encrypt(self, state, group_id, data):
        message = super().encrypt(state, group_id, data)
        logger.debug("now it is %s", [value.hex() for _, value in state.scan(b"g")])
        return message
