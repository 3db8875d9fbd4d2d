"""MLS structures made by hand, right ones and wrong ones, to test what takes a peer's octets.

    signer = Ed25519PrivateKey.generate()
    leaf = CraftedLeaf(signer, b"mallory", not_before=now, not_after=now + 3600)
    octets = CraftedKeyPackage(leaf, suite=3).message()                        # a KeyPackage of another suite
    group = CraftedGroup.of(CraftedKeyPackage(leaf), theirs, epoch=2**64 - 1)   # `theirs` is a real one's MLSMessage
    octets = group.welcome(after_group_info=b"more")                     # a Welcome that `theirs` can be decrypted with
    octets = group.private_message(APPLICATION, vector(b"hello"))        # from the first leaf of that group

Everything is of suite 1, whatever number it carries: keys, signatures, hashes and the key schedule are right, so that
what is wrong is looked at in earnest. All lists are given as their encoded content, without a length. Numbers in
parentheses are sections of RFC 9420.

It needs the package `cryptography`, 50 or newer.
"""

import hmac
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

APPLICATION, PROPOSAL, COMMIT = 1, 2, 3
"""Content types (6)."""

RATCHET_TREE, REQUIRED_CAPABILITIES, EXTERNAL_PUB, EXTERNAL_SENDERS = 2, 3, 4, 5
"""Extension types (17.3)."""

HASH_SIZE: Final = 32
_KEY_SIZE: Final = 16
_NONCE_SIZE: Final = 12
_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_ENC_SIZE: Final = 32
_ONE_OCTET, _TWO_OCTETS = 1 << 6, 1 << 14


def vector(octets: bytes) -> bytes:
    """Return `opaque<V>` (2.1.2)."""
    if len(octets) < _ONE_OCTET:
        return bytes([len(octets)]) + octets
    size, mark = (2, 1 << 14) if len(octets) < _TWO_OCTETS else (4, 1 << 31)
    return (len(octets) | mark).to_bytes(size) + octets


def uint16s(*numbers: int) -> bytes:
    """Return the content of a list of types."""
    return struct.pack(f">{len(numbers)}H", *numbers)


def extension(extension_type: int, data: bytes = b"") -> bytes:
    """Return one extension (13)."""
    return uint16s(extension_type) + vector(data)


def required_capabilities(extensions: bytes = b"", proposals: bytes = b"", credentials: bytes = b"") -> bytes:
    """Return the extension of a group context (11.1)."""
    return extension(REQUIRED_CAPABILITIES, vector(extensions) + vector(proposals) + vector(credentials))


def sign(key: Ed25519PrivateKey, label: bytes, content: bytes) -> bytes:
    """Return SignWithLabel (5.1.2)."""
    return key.sign(vector(b"MLS 1.0 " + label) + vector(content))


def expand_with_label(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """Return ExpandWithLabel (8)."""
    info = struct.pack(">H", length) + vector(b"MLS 1.0 " + label) + vector(context)
    octets = block = b""
    for number in range(1, 2 + length // HASH_SIZE):
        block = hmac.digest(secret, block + info + bytes([number]), "sha256")
        octets += block
    return octets[:length]


def derive_secret(secret: bytes, label: bytes) -> bytes:
    """Return DeriveSecret (8)."""
    return expand_with_label(secret, label, b"", HASH_SIZE)


def mls_message(wire_format: int, body: bytes, *, version: int = 1) -> bytes:
    """Return an MLSMessage (6)."""
    return uint16s(version, wire_format) + body


LOW_ORDER_KEYS: Final = tuple(
    bytes.fromhex(key)
    for key in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""X25519 keys with which everybody has the same shared secret, zero (RFC 7748, section 6.1).

The highest bit of the last octet makes no difference.
"""


def _public_key() -> bytes:
    return X25519PrivateKey.generate().public_key().public_bytes_raw()


@dataclass(slots=True)
class CraftedLeaf:
    """A leaf (7.2). What is not given is as in an honest one that nothing in particular is known of."""

    signer: Ed25519PrivateKey
    credential: bytes
    """The content of the credential, without its length."""
    credential_type: int = field(default=1, kw_only=True)
    encryption_key: bytes = field(default_factory=_public_key, kw_only=True)
    signature_key: bytes | None = field(default=None, kw_only=True)
    """The signer's, if none is given."""
    versions: bytes = field(default=uint16s(1), kw_only=True)
    suites: bytes = field(default=uint16s(1), kw_only=True)
    extension_types: bytes = field(default=b"", kw_only=True)
    proposal_types: bytes = field(default=b"", kw_only=True)
    credential_types: bytes | None = field(default=None, kw_only=True)
    """The leaf's own, if none are given."""
    source: int = field(default=1, kw_only=True)
    """1 of a key package, 2 of an update, 3 of a commit."""
    not_before: int = field(default=0, kw_only=True)
    not_after: int = field(default=2**64 - 1, kw_only=True)
    parent_hash: bytes = field(default=b"", kw_only=True)
    extensions: bytes = field(default=b"", kw_only=True)
    signature: bytes | None = field(default=None, kw_only=True)
    """The right one, if none is given."""

    def encode(self, *, placed: bytes = b"") -> bytes:
        """Return the structure; `placed` is what a leaf of an update or commit signs of its group (7.2)."""
        shown = self.signer.public_key().public_bytes_raw() if self.signature_key is None else self.signature_key
        spoken = uint16s(self.credential_type) if self.credential_types is None else self.credential_types
        body = vector(self.encryption_key) + vector(shown) + uint16s(self.credential_type) + vector(self.credential)
        lists = (self.versions, self.suites, self.extension_types, self.proposal_types, spoken)
        body += b"".join(map(vector, lists)) + bytes([self.source])
        if self.source == 1:
            body += struct.pack(">QQ", self.not_before, self.not_after)
        elif self.source == 3:  # noqa: PLR2004  # of a commit
            body += vector(self.parent_hash)
        body += vector(self.extensions)
        signature = sign(self.signer, b"LeafNodeTBS", body + placed) if self.signature is None else self.signature
        return body + vector(signature)


@dataclass(slots=True)
class CraftedKeyPackage:
    """A KeyPackage (10) with a leaf that was made by hand."""

    leaf: CraftedLeaf
    version: int = field(default=1, kw_only=True)
    suite: int = field(default=1, kw_only=True)
    init_key: bytes = field(default_factory=_public_key, kw_only=True)
    extensions: bytes = field(default=b"", kw_only=True)
    signature: bytes | None = field(default=None, kw_only=True)
    """The right one, if none is given."""

    def encode(self) -> bytes:
        """Return the structure."""
        body = uint16s(self.version, self.suite) + vector(self.init_key) + self.leaf.encode() + vector(self.extensions)
        signature = sign(self.leaf.signer, b"KeyPackageTBS", body) if self.signature is None else self.signature
        return body + vector(signature)

    def message(self, *, version: int = 1, after: bytes = b"") -> bytes:
        """Return an MLSMessage with it."""
        return mls_message(5, self.encode() + after, version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPackageParts:
    """What a Welcome takes from a KeyPackage."""

    encoded: bytes
    init_key: bytes
    leaf: bytes
    not_before: int
    not_after: int

    @classmethod
    def of(cls, message: bytes) -> Self:
        """Read an honest MLSMessage with a KeyPackage."""
        encoded = message[4:]
        init_end = _after_vector(encoded, 4)
        at = init_end
        for _ in range(2):  # encryption key, signature key
            at = _after_vector(encoded, at)
        at = _after_vector(encoded, at + 2)  # credential
        for _ in range(5):  # capabilities
            at = _after_vector(encoded, at)
        not_before, not_after = struct.unpack_from(">QQ", encoded, at + 1)
        at += 1 + 16
        for _ in range(2):  # extensions, signature
            at = _after_vector(encoded, at)
        init_key = encoded[init_end - 32 : init_end]
        leaf = encoded[init_end:at]
        return cls(encoded=encoded, init_key=init_key, leaf=leaf, not_before=not_before, not_after=not_after)

    @property
    def reference(self) -> bytes:
        """The KeyPackageRef (5.2)."""
        return sha256(vector(b"MLS 1.0 KeyPackage Reference") + vector(self.encoded)).digest()


def _after_vector(octets: bytes, at: int) -> int:
    size = 1 << (octets[at] >> 6)
    length = int.from_bytes(octets[at : at + size]) & ((1 << (8 * size - 2)) - 1)
    return at + size + length


def ratchet_tree(leaves: Sequence[bytes | None]) -> bytes:
    """Return the content of a ratchet_tree extension (12.4.3.3): leaves or gaps, all parents blank."""
    nodes = [b"\x01\x01" + leaf if leaf is not None else b"\x00" for leaf in leaves]
    return b"\x00".join(nodes)


def tree_hash(leaves: Sequence[bytes | None]) -> bytes:
    """Return the hash of that tree (7.8), filled up with gaps to a power of two."""
    width = 1 << max(len(leaves) - 1, 0).bit_length()
    hashes = [
        sha256(b"\x01" + struct.pack(">I", at) + (b"\x01" + leaf if leaf is not None else b"\x00")).digest()
        for at, leaf in enumerate([*leaves, *([None] * (width - len(leaves)))])
    ]
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x02\x00" + vector(left) + vector(right)).digest() for left, right in pairs]
    return hashes[0]


@dataclass(slots=True, kw_only=True)
class CraftedGroup:
    """A group as its creator may claim that it is: all follows from these fields, and any of them may be wrong."""

    signer: Ed25519PrivateKey
    """Whose signature key is in the first leaf."""
    leaves: list[bytes | None]
    newcomers: list[KeyPackageParts]
    """Whom a Welcome is for."""
    group_id: bytes = field(default_factory=lambda: os.urandom(16))
    epoch: int = 1
    version: int = 1
    suite: int = 1
    extensions: bytes = b""
    """Of the group context."""
    tree: bytes | None = None
    """The content of the ratchet_tree extension, if it is not that of the leaves."""
    tree_hash: bytes | None = None
    confirmed_transcript_hash: bytes = field(default_factory=lambda: os.urandom(HASH_SIZE))
    joiner_secret: bytes = field(default_factory=lambda: os.urandom(HASH_SIZE))

    @classmethod
    def of(cls, ours: CraftedKeyPackage, *theirs: bytes, **fields: object) -> Self:
        """Return the group in which the owner of `ours` has added those of `theirs`, MLSMessages with KeyPackages."""
        newcomers = [KeyPackageParts.of(each) for each in theirs]
        leaves: list[bytes | None] = [ours.leaf.encode(), *(each.leaf for each in newcomers)]
        made = cls(signer=ours.leaf.signer, leaves=leaves, newcomers=newcomers)
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    @property
    def context(self) -> bytes:
        """The GroupContext (8.1)."""
        hashed = tree_hash(self.leaves) if self.tree_hash is None else self.tree_hash
        head = uint16s(self.version, self.suite) + vector(self.group_id) + struct.pack(">Q", self.epoch)
        return head + vector(hashed) + vector(self.confirmed_transcript_hash) + vector(self.extensions)

    @property
    def member_secret(self) -> bytes:
        """What the epoch's secrets follow from, where no pre-shared key is mixed in (8)."""
        return hmac.digest(self.joiner_secret, bytes(HASH_SIZE), "sha256")

    @property
    def epoch_secret(self) -> bytes:
        """The epoch's secret (8)."""
        return expand_with_label(self.member_secret, b"epoch", self.context, HASH_SIZE)

    @property
    def confirmation_tag(self) -> bytes:
        """The right confirmation tag (6.1)."""
        key = derive_secret(self.epoch_secret, b"confirm")
        return hmac.digest(key, self.confirmed_transcript_hash, "sha256")

    def group_info(
        self,
        *,
        signer_index: int = 0,
        extensions: bytes = b"",
        with_tree: bool = True,
        confirmation_tag: bytes | None = None,
        signature: bytes | None = None,
    ) -> bytes:
        """Return the GroupInfo (12.4.3); `extensions` come after the tree."""
        tree = ratchet_tree(self.leaves) if self.tree is None else self.tree
        every = (extension(RATCHET_TREE, vector(tree)) if with_tree else b"") + extensions
        tag = self.confirmation_tag if confirmation_tag is None else confirmation_tag
        body = self.context + vector(every) + vector(tag) + struct.pack(">I", signer_index)
        return body + vector(sign(self.signer, b"GroupInfoTBS", body) if signature is None else signature)

    def group_secrets(self, *, path_secret: bytes | None = None, psks: bytes = b"", after: bytes = b"") -> bytes:
        """Return GroupSecrets (12.4.3.1); `psks` is the content of the list of PreSharedKeyIDs."""
        path = b"\x00" if path_secret is None else b"\x01" + vector(path_secret)
        return vector(self.joiner_secret) + path + vector(psks) + after

    def welcome(
        self,
        *,
        group_info: bytes | None = None,
        group_secrets: bytes | None = None,
        after_group_info: bytes = b"",
        after_group_secrets: bytes = b"",
        after: bytes = b"",
        suite: int | None = None,
        version: int = 1,
        secrets_before: Iterable[bytes] = (),
        secrets_after: Iterable[bytes] = (),
    ) -> bytes:
        """Return an MLSMessage with the Welcome (12.4.3.1).

        `secrets_before` and `secrets_after` are encoded EncryptedGroupSecrets, as `encrypted_secrets` makes them.
        """
        info = (self.group_info() if group_info is None else group_info) + after_group_info
        secrets = self.group_secrets() if group_secrets is None else group_secrets
        welcome_secret = derive_secret(self.member_secret, b"welcome")
        sealed = _seal(welcome_secret, info)
        ours = (encrypted_secrets(each, secrets + after_group_secrets, sealed) for each in self.newcomers)
        every = b"".join([*secrets_before, *ours, *secrets_after])
        return self.raw_welcome(every, sealed, suite=suite, version=version, after=after)

    def raw_welcome(
        self, secrets: bytes, sealed: bytes, *, suite: int | None = None, version: int = 1, after: bytes = b""
    ) -> bytes:
        """Return an MLSMessage with a Welcome of these octets."""
        number = self.suite if suite is None else suite
        return mls_message(3, uint16s(number) + vector(secrets) + vector(sealed) + after, version=version)

    def private_message(
        self,
        content_type: int,
        content: bytes,
        *,
        sender: int = 0,
        generation: int = 0,
        authenticated_data: bytes = b"",
        padding: int = 0,
        epoch: int | None = None,
        confirmation_tag: bytes = bytes(HASH_SIZE),
    ) -> bytes:
        """Return an MLSMessage with a PrivateMessage (6.3) of a member whose signature key is the signer's.

        `content` is as it stands in the PrivateMessageContent: `vector(data)` for an application message. Only commits
        have a confirmation tag; the default is wrong.
        """
        number = self.epoch if epoch is None else epoch
        frame = vector(self.group_id) + struct.pack(">Q", number)
        head = frame + bytes([1]) + struct.pack(">I", sender) + vector(authenticated_data) + bytes([content_type])
        signed = uint16s(1, 2) + head + content + self.context
        auth = vector(sign(self.signer, b"FramedContentTBS", signed))
        if content_type == COMMIT:
            auth += vector(confirmation_tag)
        ratchet = self._ratchet(sender, b"application" if content_type == APPLICATION else b"handshake")
        for number in range(generation):
            ratchet = expand_with_label(ratchet, b"secret", struct.pack(">I", number), HASH_SIZE)
        key = expand_with_label(ratchet, b"key", struct.pack(">I", generation), _KEY_SIZE)
        nonce = expand_with_label(ratchet, b"nonce", struct.pack(">I", generation), _NONCE_SIZE)
        aad = frame + bytes([content_type])
        ciphertext = AESGCM(key).encrypt(nonce, content + auth + bytes(padding), aad + vector(authenticated_data))
        # A reuse guard of zeros leaves the nonce as it is (6.3.2).
        sender_data = struct.pack(">II", sender, generation) + bytes(4)
        secret = derive_secret(self.epoch_secret, b"sender data")
        sealed = AESGCM(expand_with_label(secret, b"key", ciphertext[:HASH_SIZE], _KEY_SIZE)).encrypt(
            expand_with_label(secret, b"nonce", ciphertext[:HASH_SIZE], _NONCE_SIZE), sender_data, aad
        )
        return mls_message(2, aad + vector(authenticated_data) + vector(sealed) + vector(ciphertext))

    def _ratchet(self, leaf: int, kind: bytes) -> bytes:
        """Return the first secret of a member's ratchet, by the secret tree (9)."""
        width = 1 << max(len(self.leaves) - 1, 0).bit_length()
        secret = derive_secret(self.epoch_secret, b"encryption")
        while width > 1:
            width //= 2
            secret = expand_with_label(secret, b"tree", b"right" if leaf & width else b"left", HASH_SIZE)
        return expand_with_label(secret, kind, b"", HASH_SIZE)


def encrypted_secrets(newcomer: KeyPackageParts, secrets: bytes, sealed_group_info: bytes) -> bytes:
    """Return EncryptedGroupSecrets (12.4.3.1) that this KeyPackage's owner can open."""
    info = vector(b"MLS 1.0 Welcome") + vector(sealed_group_info)
    sealed = _HPKE.encrypt(secrets, X25519PublicKey.from_public_bytes(newcomer.init_key), info=info)
    return vector(newcomer.reference) + vector(sealed[:_ENC_SIZE]) + vector(sealed[_ENC_SIZE:])


def private_message_header(
    group_id: bytes, *, epoch: int = 0, content_type: int = APPLICATION, rest: bytes = vector(b"") * 3
) -> bytes:
    """Return an MLSMessage that begins as a PrivateMessage does (6.3); `rest` is all after the content type."""
    return mls_message(2, vector(group_id) + struct.pack(">QB", epoch, content_type) + rest)


def _seal(welcome_secret: bytes, group_info: bytes) -> bytes:
    key = expand_with_label(welcome_secret, b"key", b"", _KEY_SIZE)
    return AESGCM(key).encrypt(expand_with_label(welcome_secret, b"nonce", b"", _NONCE_SIZE), group_info, None)
