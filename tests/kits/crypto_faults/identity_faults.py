"""Faults of an account's identity and what it signs."""

from __future__ import annotations

import tempfile
from hashlib import sha256
from pathlib import Path

from balchat_host.api.errors import BadCredential, BadInput
from balchat_host.api.types import PeerId, Secret
from tests.kits.crypto_faults.faulty_engine import FaultyEngine, logger

SIGNATURE = "test_a_signature_counts_for_one_use"
ONION = "test_an_onion_signs_for_one_use"


class ShownSecret(Secret):
    def __repr__(self):
        return self.reveal().hex()


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


class MakesIdentitiesOfDevices(FaultyEngine):
    """Makes the identity key of what others know: the id of the device."""

    caught_by = "test_an_identity_is_made_once"

    def create_identity(self, state, device_id, *, now):
        super().create_identity(state, device_id, now=now)
        return PeerId(sha256(device_id).digest())


class ForgetsWhoItIs(FaultyEngine):
    """Changes what is there before it refuses to make another identity."""

    caught_by = "test_an_identity_is_made_once"

    def create_identity(self, state, device_id, *, now):
        state.put(b"device", device_id + bytes(len(dict(state.scan()))))
        return super().create_identity(state, device_id, now=now)


class SignsForDomainsOfAnyAscii(FaultyEngine):
    """Signs for a domain that has control characters in it."""

    caught_by = SIGNATURE

    def sign(self, state, *, domain, message):
        return super().sign(state, domain=domain.translate({10: "_", 127: "_"}), message=message)


class SignsNoEmptyMessages(FaultyEngine):
    """Raises for a message without octets."""

    caught_by = "test_a_signature_is_over_the_whole_of_domain_and_message"

    def sign(self, state, *, domain, message):
        if not message:
            raise BadInput(what="message", problem="it is empty")
        return super().sign(state, domain=domain, message=message)


class VerifiesEmptyMessages(FaultyEngine):
    """Takes any signature of a message without octets."""

    caught_by = "test_a_signature_is_over_the_whole_of_domain_and_message"

    def verify(self, signer, *, domain, message, signature):
        if message:
            super().verify(signer, domain=domain, message=message, signature=signature)


class TakesNoSignatureForAnError(FaultyEngine):
    """Returns whether a signature is right, where it should raise that it is not."""

    caught_by = "test_what_is_no_signature_is_refused"

    def verify(self, signer, *, domain, message, signature):
        try:
            super().verify(signer, domain=domain, message=message, signature=signature)
        except BadCredential:
            return False
        return True


class SignsAsAnOnionWithItsOwnKey(FaultyEngine):
    """Signs as an onion service with the same key for every seed."""

    caught_by = ONION

    def sign_as_onion(self, seed, *, domain, message):
        return super().sign_as_onion(Secret(bytes(32)), domain=domain, message=message)
