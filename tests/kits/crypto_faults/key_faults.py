"""Faults of the keys that an engine makes, takes and keeps."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final
from unittest.mock import patch
from weakref import WeakKeyDictionary

from balchat_common.x_wing import OpeningKey
from balchat_crypto_mls import engine
from balchat_crypto_mls.credential import Credential
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.rows import KeyPackageRows
from mls_rs_py import Limits

from balchat_host.api.errors import BadCredential, CryptoRejected, UnsupportedMls
from balchat_host.api.types import Secret
from tests.kits.crypto_faults.faulty_engine import FaultyEngine, logger

NOT_RIGHT: Final = "test_a_key_package_that_is_not_right"
BOUND: Final = "test_a_key_that_the_identity_has_not_bound_is_refused"
REFERENCE: Final = "test_a_key_package_and_a_welcome_that_answers_it_have_one_reference"
DELETED: Final = "test_a_group_that_is_deleted_leaves_nothing_behind"


class HasOneSealingKey(FaultyEngine):
    """Has the same X-Wing key in all of its key packages."""

    caught_by = "test_each_key_package_has_keys_of_its_own"

    def __init__(self) -> None:
        self.key = OpeningKey.generate()

    def key_package(self, *given, **named):
        with patch.object(OpeningKey, "generate", lambda: self.key):
            return super().key_package(*given, **named)


class TakesKeysThatNobodyHasBound(FaultyEngine):
    """Takes a credential beside a key that it was not made for."""

    caught_by = BOUND

    def found(self, *given, **named):
        with patch.object(Credential, "check", lambda self, key: None):
            return super().found(*given, **named)


class TrustsItsOwnAccount(FaultyEngine):
    """Takes whatever says that it is of its own account."""

    caught_by = BOUND

    def found(self, state, *given, **named):
        check, own = Credential.check, Keyring.load(state).peer

        def believe(credential: Credential, key: bytes) -> None:
            if credential.device.peer != own:
                check(credential, key)

        with patch.object(Credential, "check", believe):
            return super().found(state, *given, **named)


class TakesExpiredCredentials(FaultyEngine):
    """Takes credentials whatever their date."""

    caught_by = "test_a_credential_is_good_for_its_time"

    def found(self, *given, **named):
        with patch.object(Credential, "check_date", lambda self, *, now: None):
            return super().found(*given, **named)


class NeverRenewsItsCredential(FaultyEngine):
    """Has one credential for ever, which others refuse some day."""

    caught_by = "test_a_credential_is_renewed_in_time"

    def key_package(self, *given, **named):
        with patch.object(Keyring, "fresh", classmethod(lambda cls, area, *, now: cls.load(area))):
            return super().key_package(*given, **named)


class CallsAnotherSuiteMalformed(FaultyEngine):
    """Calls a key package of another cipher suite malformed."""

    caught_by = NOT_RIGHT

    def found(self, *given, **named):
        try:
            return super().found(*given, **named)
        except UnsupportedMls as error:
            raise CryptoRejected(problem="it is malformed") from error


class SaysWhoseKeyPackageItWas(FaultyEngine):
    """Says in an error whose key package it refuses."""

    caught_by = NOT_RIGHT
    audited = True
    tells = "an error's text"

    def found(self, state, group_id, key_packages, **named):
        try:
            return super().found(state, group_id, key_packages, **named)
        except BadCredential as error:
            raise BadCredential(problem=f"the key package of {key_packages[0][0].octets.hex()[:16]}…") from error


class HasReferencesOfItsOwn(FaultyEngine):
    """Calls a key package by another hash than that of RFC 9420, which no other engine knows."""

    caught_by = REFERENCE

    def reference(self, key_package):
        return sha256(super().reference(key_package)).digest()

    def welcome_reference(self, welcome):
        return sha256(super().welcome_reference(welcome)).digest()


class ShortensReferences(FaultyEngine):
    """Calls a key package by the first half of its reference."""

    caught_by = REFERENCE

    def reference(self, key_package):
        return super().reference(key_package)[:16]

    def welcome_reference(self, welcome):
        return super().welcome_reference(welcome)[:16]


class UsesUpWhatItCannotJoin(FaultyEngine):
    """Uses a key package up for a group whose id is taken."""

    caught_by = "test_a_welcome_to_a_group_that_is_here"

    def join(self, state, welcome, *, max_members):
        try:
            return super().join(state, welcome, max_members=max_members)
        except CryptoRejected as error:
            if "already here" in str(error):
                KeyPackageRows(state).delete(self.welcome_reference(welcome))
            raise


class NamesMembersByDevices(FaultyEngine):
    """Names members in the order of their device ids."""

    caught_by = "test_all_whom_a_group_is_founded_with_hear_each_other"

    def members(self, state, group_id):
        return sorted(super().members(state, group_id), key=lambda each: each.device_id)


class HasNoMembersWhereThereIsNoGroup(FaultyEngine):
    """Says of a group that is not there that nobody is in it."""

    caught_by = "test_groups_do_not_mix"

    def members(self, state, group_id):
        return super().members(state, group_id) if group_id in self.groups(state) else ()


class KeepsKeysForWhateverComes(FaultyEngine):
    """Keeps a key for each message that was passed over, without an end."""

    caught_by = "test_the_keys_of_messages_that_never_come_are_bounded"

    def decrypt(self, *given):
        def client(*those: Any, **named: Any) -> Any:
            return before(*those, **named, limits=Limits(max_past_epochs=0, max_skipped_keys=1_000_000))

        before = engine._client
        with patch.object(engine, "_client", client):
            return super().decrypt(*given)


class KeepsTheLastState(FaultyEngine):
    """Keeps the state of a group before its last step, so that it could be undone."""

    caught_by = "test_what_was_read_leaves_nothing_behind"

    def decrypt(self, state, group_id, message):
        before = dict(state.scan(b"g"))
        decrypted = super().decrypt(state, group_id, message)
        for key, row in before.items():
            if state.get(key) != row:
                state.put(b"before", row)
        return decrypted


class NotesWhichGroupsAreGone(FaultyEngine):
    """Notes the id of each group that was deleted."""

    caught_by = DELETED

    def delete_group(self, state, group_id):
        super().delete_group(state, group_id)
        state.put(b"gone" + group_id, b"")


class LogsWhichGroupIsDeleted(FaultyEngine):
    """Logs the id of a group."""

    caught_by = DELETED
    audited = True

    def delete_group(self, state, group_id):
        logger.info("deleting %s", group_id.hex())
        super().delete_group(state, group_id)


class RemembersKeysByTheArea(FaultyEngine):
    """Keeps in memory what it has loaded of an area, although that may be rolled back."""

    caught_by = "test_an_identity_that_is_rolled_back_was_never_there"

    def __init__(self) -> None:
        self.loaded: WeakKeyDictionary[Any, Keyring] = WeakKeyDictionary()

    def identity_seed(self, state):
        if state not in self.loaded:
            self.loaded[state] = Keyring.load(state)
        return Secret(self.loaded[state].identity_seed)
