"""Faults for a crypto engine, in the one that balchat uses."""

from __future__ import annotations

import logging
import tempfile
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from balchat_crypto_mls.engine import MlsEngine
from balchat_crypto_mls.rows import KeyPackageRows

from balchat_host.api.crypto import ApplicationMessage, Invitation
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, TooFarAhead, VaultRolledBack
from balchat_host.api.types import DeviceIdentity, Secret
from balchat_host.testing.crypto_kit import NOW

logger = logging.getLogger(__name__)

SIGNATURE = "test_a_signature_counts_for_one_use"
MIXED = "test_groups_do_not_mix"
ONION = "test_an_onion_signs_for_one_use"
SAID = "test_what_is_said_comes_as_it_was_and_nobody_else_reads_it"
KEY_PACKAGE = "test_a_key_package_that_is_not_right"


class FaultyEngine(MlsEngine):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = ()
    """How the test fails where that is no failure of every plugin."""
    ended: ClassVar[list[Path]] = []
    """What the audit's faults leave behind, for the test to end."""


class ShownSecret(Secret):
    def __repr__(self):
        return self.reveal().hex()


# -- the identity


class MakesAnotherIdentity(FaultyEngine):
    """Makes another identity over the one that is there."""

    caught_by = "test_an_identity_is_made_once"

    def create_identity(self, state, device_id, *, now):
        for key, _ in list(state.scan()):
            state.delete(key)
        return super().create_identity(state, device_id, now=now)


class ShowsTheSeed(FaultyEngine):
    """Shows the seed in its repr."""

    caught_by = "test_the_seed_stays_hidden"

    def identity_seed(self, state):
        return ShownSecret(super().identity_seed(state).reveal())


class VerifiesNothing(FaultyEngine):
    """Takes every signature."""

    caught_by = SIGNATURE

    def verify(self, signer, *, domain, message, signature):
        pass


class IgnoresTheDomain(FaultyEngine):
    """Signs the same for every use."""

    caught_by = SIGNATURE

    def sign(self, state, *, domain, message):
        super().sign(state, domain=domain, message=message)
        return super().sign(state, domain="any", message=message)

    def verify(self, signer, *, domain, message, signature):
        super().verify(signer, domain="any", message=message, signature=signature)


class TakesAnyDomain(FaultyEngine):
    """Signs for a domain that is none."""

    caught_by = SIGNATURE

    def sign(self, state, *, domain, message):
        try:
            return super().sign(state, domain=domain, message=message)
        except BadInput:
            return bytes(64)


# -- groups


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


# -- what is refused


class LeavesTraces(FaultyEngine):
    """Writes before it knows whether it can."""

    caught_by = "test_what_cannot_be_founded"

    def found(self, state, group_id, *given, **named):
        state.put(b"founding" + group_id, b"")
        return super().found(state, group_id, *given, **named)


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


# -- key packages and Welcomes


class OpensAWelcomeTwice(FaultyEngine):
    """Keeps a key package whose Welcome was opened."""

    caught_by = "test_a_welcome_counts_once"

    def join(self, state, welcome, *, max_members):
        before = dict(state.scan())
        joined = super().join(state, welcome, max_members=max_members)
        after = dict(state.scan())
        for key in before.keys() - after.keys():
            state.put(key, before[key])
        return joined


class ForgetsNothing(FaultyEngine):
    """Keeps a key package that is to be forgotten."""

    caught_by = "test_a_forgotten_key_package"

    def forget_key_package(self, state, key_package):
        pass


class TakesSomebodyElsesKeyPackage(FaultyEngine):
    """Takes a key package of somebody else than it is told."""

    caught_by = KEY_PACKAGE

    def found(self, *given, **named):
        try:
            return super().found(*given, **named)
        except BadCredential:
            return Invitation(welcomes=(b"",), era_id=bytes(16), not_after=NOW)


class TakesExpiredKeyPackages(FaultyEngine):
    """Takes a key package that has expired."""

    caught_by = KEY_PACKAGE

    def found(self, *given, now, **named):
        return super().found(*given, now=NOW, **named)


class UsesUpTheLastResort(FaultyEngine):
    """Uses a key package of last resort up."""

    caught_by = "test_a_key_package_of_last_resort_answers_any_number_of_times"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        return super().key_package(state, lifetime=lifetime, now=now)


class SaysTheLongestTime(FaultyEngine):
    """Says of an invitation that it lasts for longer than somebody's key package."""

    caught_by = "test_an_invitation_says_until_when_all_can_use_it"

    def found(self, *given, **named):
        found = super().found(*given, **named)
        return replace(found, not_after=found.not_after + 3600)


# -- the disk


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


# -- keys


class SignsAsAnOnionForEverything(FaultyEngine):
    """Signs as an onion service the same for every use."""

    caught_by = ONION

    def sign_as_onion(self, seed, *, domain, message):
        super().sign_as_onion(seed, domain=domain, message=message)
        return super().sign_as_onion(seed, domain="any", message=message)


class MakesTheOnionOfAnotherSeed(FaultyEngine):
    """Gives an onion service an address that is not its key's."""

    caught_by = ONION

    def onion_key(self, seed):
        return super().onion_key(Secret(bytes(32)))


class HasOneSeedForAll(FaultyEngine):
    """Keeps the first seed in the engine, for whichever account asks."""

    caught_by = "test_each_account_of_an_engine_has_a_key_of_its_own"

    def identity_seed(self, state):
        self.seed = getattr(self, "seed", None) or super().identity_seed(state)
        return self.seed


# -- what is said


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


class ReadsTwice(FaultyEngine):
    """Reads again what was read."""

    caught_by = "test_what_is_refused_changes_nothing"

    def decrypt(self, state, group_id, message):
        before = dict(state.scan())
        found = super().decrypt(state, group_id, message)
        for key, value in before.items():
            state.put(key, value)
        return found


# -- groups and key packages, once more


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


class ReplacesAGroup(FaultyEngine):
    """Joins a group in place of one that is here."""

    caught_by = "test_a_welcome_to_a_group_that_is_here"

    def join(self, state, welcome, *, max_members):
        with suppress(CryptoRejected):
            return super().join(state, welcome, max_members=max_members)
        for each in self.groups(state):
            super().delete_group(state, each)
        return super().join(state, welcome, max_members=max_members)


class HasOneReference(FaultyEngine):
    """Gives every key package the same reference."""

    caught_by = "test_a_key_package_and_a_welcome_that_answers_it_have_one_reference"

    def reference(self, key_package):
        super().reference(key_package)
        return bytes(32)

    def welcome_reference(self, welcome):
        super().welcome_reference(welcome)
        return bytes(32)


class LastsTooLong(FaultyEngine):
    """Makes key packages that last longer than is asked."""

    caught_by = "test_an_invitation_says_until_when_all_can_use_it"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        return super().key_package(state, lifetime=2 * lifetime, now=now, last_resort=last_resort)


# -- what the audit finds


class LogsTexts(FaultyEngine):
    """Logs what is said."""

    caught_by = "test_a_conversation"
    audited = True

    def decrypt(self, state, group_id, message):
        found = super().decrypt(state, group_id, message)
        logger.debug("%r", found.data)
        return found


class LogsKeys(FaultyEngine):
    """Logs a secret key."""

    caught_by = "test_an_identity_is_made_once"
    audited = True

    def identity_seed(self, state):
        seed = super().identity_seed(state)
        logger.debug("the seed is %s", seed.reveal().hex())
        return seed


class KeepsAFile(FaultyEngine):
    """Keeps something in a file beside the vault."""

    caught_by = "test_an_identity_is_made_once"
    audited = True

    def create_identity(self, state, device_id, *, now):
        path = Path(tempfile.gettempdir()) / f"balchat-engine-{id(self)}"
        self.ended.append(path)
        path.touch()
        return super().create_identity(state, device_id, now=now)


# -- signatures


class SignsWithoutASeparator(FaultyEngine):
    """Signs a domain and a message as if they were one text."""

    caught_by = "test_a_signature_is_over_the_whole_of_domain_and_message"

    def sign(self, state, *, domain, message):
        return super().sign(state, domain="all", message=domain.encode() + message)

    def verify(self, signer, *, domain, message, signature):
        super().verify(signer, domain="all", message=domain.encode() + message, signature=signature)


class SignsTheBeginning(FaultyEngine):
    """Signs the first KiB of a message."""

    caught_by = "test_a_signature_is_over_the_whole_of_domain_and_message"

    def sign(self, state, *, domain, message):
        return super().sign(state, domain=domain, message=message[:1024])

    def verify(self, signer, *, domain, message, signature):
        super().verify(signer, domain=domain, message=message[:1024], signature=signature)


class TakesLongerSignatures(FaultyEngine):
    """Takes a signature with something behind it."""

    caught_by = "test_what_is_no_signature_is_refused"

    def verify(self, signer, *, domain, message, signature):
        super().verify(signer, domain=domain, message=message, signature=signature[:64])


class EndsOfShortSignatures(FaultyEngine):
    """Raises something of its own for a signature of another length."""

    caught_by = "test_what_is_no_signature_is_refused"
    failures = (ValueError,)

    def verify(self, signer, *, domain, message, signature):
        if len(signature) != 64:  # RFC 8032
            raise ValueError("a signature has 64 octets")
        super().verify(signer, domain=domain, message=message, signature=signature)


# -- what is kept


class RemembersMembers(FaultyEngine):
    """Remembers outside of the area who is in a group."""

    caught_by = "test_a_group_whose_founding_is_rolled_back_was_never_there"

    def members(self, state, group_id):
        self.known = getattr(self, "known", {})
        key = id(state), group_id
        if key not in self.known:
            self.known[key] = super().members(state, group_id)
        return self.known[key]


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


class KeepsUsedKeyPackages(FaultyEngine):
    """Keeps the private half of a key package that was used under another name."""

    caught_by = "test_a_key_package_that_was_used_leaves_nothing_behind"

    def join(self, state, welcome, *, max_members):
        before = dict(state.scan())
        joined = super().join(state, welcome, max_members=max_members)
        for key in before.keys() - dict(state.scan()).keys():
            state.put(b"used" + key, before[key])
        return joined


class ForgetsEveryKeyPackage(FaultyEngine):
    """Forgets all key packages when one is to be forgotten."""

    caught_by = "test_a_forgotten_key_package"

    def forget_key_package(self, state, key_package):
        for key, _ in list(state.scan(b"k")):
            state.delete(key)


class ForgetsKeyPackagesAtTheirEnd(FaultyEngine):
    """Deletes a key package as soon as others are not to use it, although its Welcome is on its way."""

    caught_by = "test_a_key_package_stays_until_it_is_used"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        KeyPackageRows(state).delete_expired(now)
        return super().key_package(state, lifetime=lifetime, now=now, last_resort=last_resort)


class TellsTheClock(FaultyEngine):
    """Tells in its key packages what our clock shows."""

    caught_by = "test_a_key_package_tells_nobodys_clock"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        return super().key_package(state, lifetime=lifetime, now=now, last_resort=last_resort) + now.to_bytes(8)

    def found(self, state, group_id, key_packages, **named):
        return super().found(state, group_id, [(peer, package[:-8]) for peer, package in key_packages], **named)


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


FAULTS = list(FaultyEngine.__subclasses__())
