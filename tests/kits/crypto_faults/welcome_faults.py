"""Faults of key packages and Welcomes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from balchat_crypto_mls.rows import KeyPackageRows

from balchat_host.api.crypto import Invitation
from balchat_host.api.errors import BadCredential, CryptoRejected
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
