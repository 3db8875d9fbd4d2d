"""Faults of groups: who is in them, and how they are called."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from balchat_host.api.errors import BadInput, CryptoRejected
from balchat_host.api.types import DeviceIdentity
from tests.kits.crypto_faults.faulty_engine import FaultyEngine

MIXED = "test_groups_do_not_mix"


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


class LeavesTraces(FaultyEngine):
    """Writes before it knows whether it can."""

    caught_by = "test_what_cannot_be_founded"

    def found(self, state, group_id, *given, **named):
        state.put(b"founding" + group_id, b"")
        return super().found(state, group_id, *given, **named)


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


class SaysTheLastIsTheFounder(FaultyEngine):
    """Says of a group that its last member made it."""

    caught_by = "test_a_group_says_who_founded_it_and_which_eras_they_knew"

    def join(self, state, *given, **named):
        joined = super().join(state, *given, **named)
        return replace(joined, founder=self.members(state, joined.group_id)[-1])


class NamesErasAsTheyWereGiven(FaultyEngine):
    """Names the eras that the founder knew in the order of the Welcome's octets, the newest first."""

    caught_by = "test_a_group_says_who_founded_it_and_which_eras_they_knew"

    def join(self, *given, **named):
        joined = super().join(*given, **named)
        return replace(joined, knows=joined.knows[::-1])


class NamesGroupsTwice(FaultyEngine):
    """Names a group once for each row that it has."""

    caught_by = MIXED

    def groups(self, state):
        return [each for each in super().groups(state) for _ in range(2)]


class CallsAnAbsentGroupAForgery(FaultyEngine):
    """Says that a message is forged where there is no group."""

    caught_by = "test_who_becomes_another_device_has_no_group_and_no_key_package_and_is_the_same_account"

    def decrypt(self, state, group_id, message):
        try:
            return super().decrypt(state, group_id, message)
        except BadInput:
            raise CryptoRejected(problem="there is no such group") from None


class BecomesAnotherAccount(FaultyEngine):
    """Makes a new identity when it becomes another device."""

    caught_by = "test_who_becomes_another_device_has_no_group_and_no_key_package_and_is_the_same_account"

    def become_device(self, state, device_id, *, now):
        for key, _ in list(state.scan()):
            state.delete(key)
        self.create_identity(state, device_id, now=now)


class DeletesOnce(FaultyEngine):
    """Raises where a group is deleted that is not there."""

    caught_by = MIXED

    def delete_group(self, state, group_id):
        if group_id not in self.groups(state):
            raise BadInput(what="group", problem="there is none")
        super().delete_group(state, group_id)


class RemembersDeletedGroups(FaultyEngine):
    """Founds no group whose id one had that was deleted."""

    caught_by = "test_all_members_of_a_group_and_nobody_else_know_its_era_id"

    def delete_group(self, state, group_id):
        super().delete_group(state, group_id)
        self.gone = {*getattr(self, "gone", ()), (id(state), group_id)}

    def found(self, state, group_id, *given, **named):
        if (id(state), group_id) in getattr(self, "gone", ()):
            raise BadInput(what="group", problem="its id was used")
        return super().found(state, group_id, *given, **named)


class SortsMembers(FaultyEngine):
    """Names members in the order of their peer ids."""

    caught_by = "test_all_whom_a_group_is_founded_with_hear_each_other"

    def members(self, state, group_id):
        found = super().members(state, group_id)
        return [*found[1:], found[0]]


class CallsTooManyDevicesAForgery(FaultyEngine):
    """Says that others are at fault where too many devices of one account are to be in a group."""

    caught_by = "test_a_device_is_in_a_group_once_and_an_account_eight_times"

    def found(self, state, group_id, key_packages, **named):
        if len(key_packages) > 7:
            raise CryptoRejected(problem="it has too many devices")
        return super().found(state, group_id, key_packages, **named)


class TakesADeviceOnce(FaultyEngine):
    """Leaves out a device that is to be in a group twice."""

    caught_by = "test_a_device_is_in_a_group_once_and_an_account_eight_times"

    def found(self, state, group_id, key_packages, **named):
        alike = len(key_packages) > 1 and len({peer for peer, _ in key_packages}) == 1 and len(key_packages) < 3
        return super().found(state, group_id, key_packages[:1] if alike else key_packages, **named)
