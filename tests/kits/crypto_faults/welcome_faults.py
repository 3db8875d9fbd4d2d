"""Faults of key packages and Welcomes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from balchat_crypto_mls.rows import KeyPackageRows

from balchat_host.api.crypto import Invitation
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected
from balchat_host.testing.crypto_kit import NOW
from tests.kits.crypto_faults.faulty_engine import FaultyEngine

KEY_PACKAGE = "test_a_key_package_that_is_not_right"


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


class ReplacesAGroup(FaultyEngine):
    """Joins a group in place of one that is here."""

    caught_by = "test_a_welcome_to_a_group_that_is_here"

    def join(self, state, welcome, *, max_members):
        with suppress(CryptoRejected):
            return super().join(state, welcome, max_members=max_members)
        for each in self.groups(state):
            super().delete_group(state, each)
        return super().join(state, welcome, max_members=max_members)


class LastsTooLong(FaultyEngine):
    """Makes key packages that last longer than is asked."""

    caught_by = "test_an_invitation_says_until_when_all_can_use_it"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        return super().key_package(state, lifetime=2 * lifetime, now=now, last_resort=last_resort)


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


class SendsWelcomesInAnotherOrder(FaultyEngine):
    """Gives Welcomes in the order of their octets."""

    caught_by = "test_a_key_package_and_a_welcome_that_answers_it_have_one_reference"

    def found(self, *given, **named):
        found = super().found(*given, **named)
        return replace(found, welcomes=found.welcomes[::-1])


class MakesOneKeyPackage(FaultyEngine):
    """Gives the same key package until it is used."""

    caught_by = "test_a_forgotten_key_package"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        if (made := state.get(b"made")) is None:
            made = super().key_package(state, lifetime=lifetime, now=now, last_resort=last_resort)
            state.put(b"made", made)
        return made


class ForgetsOnce(FaultyEngine):
    """Raises where a key package is to be forgotten that is not there."""

    caught_by = "test_a_forgotten_key_package"

    def forget_key_package(self, state, key_package):
        before = dict(state.scan())
        super().forget_key_package(state, key_package)
        if dict(state.scan()) == before:
            raise BadInput(what="key package", problem="there is none")


class TakesKeyPackagesWithMore(FaultyEngine):
    """Takes a key package that has something behind it."""

    caught_by = KEY_PACKAGE

    def found(self, state, group_id, key_packages, **named):
        with suppress(CryptoRejected):
            return super().found(state, group_id, key_packages, **named)
        return super().found(state, group_id, [(peer, package[:-1]) for peer, package in key_packages], **named)


class CallsGarbageOurMistake(FaultyEngine):
    """Says that the caller is at fault where a key package is malformed."""

    caught_by = KEY_PACKAGE

    def found(self, *given, **named):
        try:
            return super().found(*given, **named)
        except CryptoRejected:
            raise BadInput(what="key package", problem="it cannot be read") from None


class LastsTooShort(FaultyEngine):
    """Makes key packages that end an hour early."""

    caught_by = "test_a_key_package_tells_nobodys_clock"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        shorter = lifetime - 3600 if lifetime > 3600 else lifetime - 1800
        return super().key_package(state, lifetime=shorter, now=now, last_resort=last_resort)


class NeedsAClockThatGoesOn(FaultyEngine):
    """Makes no key package once the clock is set back."""

    caught_by = "test_a_key_package_stays_until_it_is_used"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        if now < int.from_bytes(state.get(b"clock") or b""):
            raise BadInput(what="clock", problem="it was set back")
        state.put(b"clock", now.to_bytes(8))
        return super().key_package(state, lifetime=lifetime, now=now, last_resort=last_resort)


class OpensAWelcomeWithWhateverFits(FaultyEngine):
    """Takes a Welcome that has something behind it."""

    caught_by = "test_a_welcome_is_opened_by_the_key_package_that_it_names_and_by_no_other"

    def join(self, state, welcome, *, max_members):
        with suppress(CryptoRejected):
            return super().join(state, welcome, max_members=max_members)
        return super().join(state, welcome[:-1], max_members=max_members)


class KeepsTheLastResortForEver(FaultyEngine):
    """Keeps a key package of last resort that is to be forgotten."""

    caught_by = "test_a_key_package_of_last_resort_answers_any_number_of_times"

    def key_package(self, state, *, lifetime, now, last_resort=False):
        made = super().key_package(state, lifetime=lifetime, now=now, last_resort=last_resort)
        if last_resort:
            self.lasting = made
        return made

    def forget_key_package(self, state, key_package):
        if key_package != getattr(self, "lasting", None):
            super().forget_key_package(state, key_package)
