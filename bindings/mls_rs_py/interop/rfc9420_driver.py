"""Members on rfc9420, driven by one JSON value a line: see README.md for the language.

rfc9420 1.3 can follow in a group of two: it joins by Welcome, takes commits and proposals of others that are public
messages, and sends and reads application messages. Its own commits carry a signature that does not verify, and in
larger groups it takes valid parent hashes and paths for wrong, so no command makes a commit here.
"""

import hashlib
import json
import sys
import time
import traceback
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rfc9420 import DefaultCryptoProvider, ProtocolMLSGroup
from rfc9420.extensions.extensions import build_capabilities_data
from rfc9420.messages.data_structures import Credential, SenderType, Signature
from rfc9420.messages.key_packages import KeyPackage, LeafNode
from rfc9420.messages.messages import ContentType, MLSMessage, MLSPlaintext, WireFormat

HOUR, DAY = 3600, 86400


class Member:
    """One member, for suite 1."""

    commands = ("key_package", "join", "encrypt", "process", "look")

    def __init__(self, name: str, suite: int) -> None:
        if suite != 1:
            raise ValueError("only suite 1")
        self._crypto = DefaultCryptoProvider()
        key = Ed25519PrivateKey.generate()
        self._signing_key = key.private_bytes_raw()
        self._encryption_key, public = self._crypto.generate_key_pair()
        self._init_key, init_public = self._crypto.generate_key_pair()
        now = int(time.time())
        leaf = LeafNode(
            encryption_key=public,
            signature_key=key.public_key().public_bytes_raw(),
            credential=Credential(identity=name.encode(), public_key=b""),
            capabilities=build_capabilities_data(ciphersuite_ids=[1], supported_exts=[], include_grease=False),
            lifetime_not_before=now - HOUR,
            lifetime_not_after=now + DAY,
        )
        leaf = replace(leaf, signature=self._sign(b"LeafNodeTBS", leaf.tbs_serialize()))
        package = KeyPackage(init_key=init_public, leaf_node=leaf)
        self._key_package = replace(package, signature=self._sign(b"KeyPackageTBS", package.tbs_serialize()))

    def _sign(self, label: bytes, octets: bytes) -> Signature:
        return Signature(self._crypto.sign_with_label(self._signing_key, label, octets))

    def do_key_package(self) -> str:
        return MLSMessage.from_key_package(self._key_package).serialize().hex()

    def do_join(self, message: str) -> None:
        self._group = ProtocolMLSGroup.from_welcome(
            MLSMessage.deserialize(bytes.fromhex(message)).get_parsed_content(),
            self._init_key,
            self._crypto,
            key_package=self._key_package,
            encryption_private_key=self._encryption_key,
        )

    def do_encrypt(self, data: str) -> str:
        made = self._group.protect(bytes.fromhex(data), self._signing_key)
        return MLSMessage.from_private_message(made).serialize().hex()

    def do_process(self, message: str) -> str | None:
        parsed = MLSMessage.deserialize(bytes.fromhex(message))
        content = parsed.get_parsed_content()
        if parsed.wire_format == WireFormat.PRIVATE_MESSAGE:
            return self._group.unprotect(content)[1].hex()
        framed = content.tbs.framed_content
        if framed.content_type == ContentType.PROPOSAL:
            self._group.process_proposal(MLSPlaintext(content), framed.sender)
        elif framed.sender.sender_type == SenderType.NEW_MEMBER_COMMIT:
            self._group.process_external_commit(MLSPlaintext(content))
        else:
            self._group.process_commit(MLSPlaintext(content), framed.sender.sender)
        return None

    def do_look(self) -> dict[str, int | str]:
        # rfc9420 takes the context as it is, where RFC 9420 (section 8.5) has its hash.
        context = hashlib.sha256(b"context").digest()
        return {
            "epoch": self._group.get_epoch(),
            "epoch_authenticator": self._group.get_epoch_authenticator().hex(),
            "exported": self._group.export_secret(b"label", context, 32).hex(),
            "own_index": self._group.get_own_leaf_index(),
        }


def run(members: dict[int, Member], member: int, do: str, **given: Any) -> object:
    """Do one command."""
    if do == "start":
        members[member] = Member(**given)
        return Member.commands
    if do == "end":
        del members[member]
        return None
    return getattr(members[member], f"do_{do}")(**given)


def main() -> None:
    """Answer until the input ends."""
    members: dict[int, Member] = {}
    for line in sys.stdin:
        try:
            begun = time.perf_counter()
            done = run(members, **json.loads(line))
            answer = {"ok": done, "ms": (time.perf_counter() - begun) * 1e3}
        except Exception:  # noqa: BLE001  # whatever happens is the answer
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
