"""X.509 credentials (RFC 9420, section 5.3), whose chains an identity provider checks in Python."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from mls_rs_py import (
    Client,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InvalidIdentityError,
    PeerError,
    SignatureKeyPair,
    X509Credential,
)

NOW = 1_800_000_000
SUITE = 2


def days(number: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=number)


class Authority:
    """Signs certificates."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        usage = x509.KeyUsage(
            key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        self.certificate = (
            self._builder(self.name, self.key.public_key(), 3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _builder(self, name, key, lasts):
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(days(-1))
            .not_valid_after(days(lasts))
        )

    def certify(self, key_pair: SignatureKeyPair, host: str, lasts: int = 30) -> X509Credential:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key_pair.public_key)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            self._builder(x509.Name([]), key, lasts)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return X509Credential([certificate.public_bytes(Encoding.DER)])


class ChainVerifier:
    """An identity provider that believes what one authority has signed."""

    def __init__(self, authority: Authority) -> None:
        self._store = Store([authority.certificate])

    def validate_member(self, signing_identity, timestamp, context):
        leaf, *others = map(x509.load_der_x509_certificate, signing_identity.credential.certificates)
        at = dt.datetime.fromtimestamp(timestamp, dt.UTC)
        try:
            PolicyBuilder().store(self._store).time(at).build_client_verifier().verify(leaf, others)
        except VerificationError as error:
            raise InvalidIdentityError(str(error)) from error
        if leaf.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) != (
            signing_identity.signature_key
        ):
            raise InvalidIdentityError("the certificate is for another key")

    def validate_external_sender(self, signing_identity, timestamp):
        raise InvalidIdentityError("no external senders")

    def identity(self, signing_identity):
        (leaf, *_) = map(x509.load_der_x509_certificate, signing_identity.credential.certificates)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.DNSName)[0].encode()

    def valid_successor(self, predecessor, successor):
        return self.identity(predecessor) == self.identity(successor)

    def supported_types(self):
        return [2]


def client(credential: X509Credential, key_pair: SignatureKeyPair, verifier: ChainVerifier) -> Client:
    return Client(
        credential,
        key_pair,
        identity_provider=verifier,
        group_state_storage=InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        clock=lambda: NOW,
    )


def keys() -> SignatureKeyPair:
    return SignatureKeyPair.generate(SUITE)


@pytest.fixture
def authority() -> Authority:
    return Authority()


def test_a_conversation_under_certificates(authority):
    verifier = ChainVerifier(authority)
    pairs = [keys(), keys()]
    credentials = [
        authority.certify(pair, host) for pair, host in zip(pairs, ("alice.example", "bob.example"), strict=True)
    ]
    alice, bob = (client(credential, pair, verifier) for credential, pair in zip(credentials, pairs, strict=True))
    group = alice.create_group()
    commit = group.commit(add=[bob.generate_key_package()])
    group.apply_pending_commit()
    bobs = bob.join(commit.welcomes[0])
    received = bobs.process(group.encrypt(b"hello"))
    assert received.sender.credential == credentials[0]
    assert bobs.member_with_identity(b"alice.example").index == 0
    # A new certificate for a new key of the same person is a valid successor, another's is not.
    new, false = keys(), keys()
    commit = group.commit(new_identity=(authority.certify(new, "alice.example"), new))
    group.apply_pending_commit()
    bobs.process(commit.message)
    assert bobs.process(group.encrypt(b"still me")).data == b"still me"
    commit = group.commit(new_identity=(authority.certify(false, "mallory.example"), false))
    with pytest.raises(PeerError):
        bobs.process(commit.message)


def test_a_chain_that_does_not_hold_keeps_its_owner_out(authority):
    pair, mallory = keys(), keys()
    group = client(authority.certify(pair, "alice.example"), pair, ChainVerifier(authority)).create_group()
    stranger = Authority()
    for credential in (
        stranger.certify(mallory, "bob.example"),  # by another authority
        authority.certify(mallory, "bob.example", lasts=0),  # expired within the key package's lifetime
        authority.certify(keys(), "bob.example"),  # for another key
    ):
        package = client(credential, mallory, ChainVerifier(stranger)).generate_key_package()
        with pytest.raises(InvalidIdentityError):
            group.commit(add=[package], now=NOW + 86_400)
