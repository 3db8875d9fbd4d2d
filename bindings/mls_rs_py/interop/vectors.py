"""Runs the MLS working group's vectors that a whole client can drive, through the public interface alone.

    python interop/vectors.py [FOLDER]

FOLDER is `test-vectors` of github.com/mlswg/mls-implementations, or those that the crate openmls 0.5.0 carries. Prints
one line a file; fails where a vector does.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from drivers import vectors as vectors_of_crate
from mls_rs_py import (
    BasicIdentityProvider,
    CipherSuite,
    Client,
    Group,
    GroupInfo,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InMemoryPreSharedKeyStorage,
    KeyPackage,
    Limits,
    MessageInfo,
    Rules,
    SignatureKeyPair,
)

Vector = dict[str, Any]

PASSIVE_CLIENT = ("passive-client-welcome", "passive-client-handling-commit", "passive-client-random")


def vlbytes(octets: bytes) -> bytes:
    """Encode `opaque<V>` (RFC 9420, section 2.1.2)."""
    length = len(octets)
    if length < 1 << 6:
        return bytes([length]) + octets
    if length < 1 << 14:
        return (length | 1 << 14).to_bytes(2) + octets
    return (length | 1 << 31).to_bytes(4) + octets


def stored_key_package(vector: Vector, key_package: KeyPackage) -> bytes:
    """Return what the storage would hold, had the key package been generated here."""
    structure = key_package.to_bytes()[4:]
    private = (bytes.fromhex(vector[name]) for name in ("init_priv", "encryption_priv"))
    return vlbytes(structure) + b"".join(map(vlbytes, private)) + key_package.not_after.to_bytes(8)


def passive_client(vector: Vector) -> None:
    """Join by the vector's Welcome and follow its epochs, loading the group again for each."""
    key_package = KeyPackage.from_bytes(bytes.fromhex(vector["key_package"]))
    key_packages = InMemoryKeyPackageStorage()
    key_packages.insert(key_package.reference, stored_key_package(vector, key_package), key_package.not_after)
    psks = InMemoryPreSharedKeyStorage()
    for psk in vector["external_psks"]:
        psks.insert(bytes.fromhex(psk["psk_id"]), bytes.fromhex(psk["psk"]))
    client = Client(
        key_package.signing_identity.credential,
        SignatureKeyPair.from_secret(bytes.fromhex(vector["signature_priv"]), vector["cipher_suite"]),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=InMemoryGroupStateStorage(max_past_epochs=1000),
        key_package_storage=key_packages,
        psk_storage=psks,
        rules=Rules(check_received_lifetimes=False),
        limits=Limits(max_key_package_lifetime=2**64 - 1),
    )
    tree = vector["ratchet_tree"]
    group = client.join(bytes.fromhex(vector["welcome"]), ratchet_tree=tree and bytes.fromhex(tree))
    expect(group, vector["initial_epoch_authenticator"])
    for epoch in vector["epochs"]:
        group.write_to_storage()
        group = client.load_group(group.group_id)
        for message in (*epoch["proposals"], epoch["commit"]):
            group.process(bytes.fromhex(message))
        expect(group, epoch["epoch_authenticator"])


def expect(group: Group, epoch_authenticator: str) -> None:
    """Fail unless the group is where the vector says."""
    if group.epoch_authenticator.hex() != epoch_authenticator:
        raise AssertionError(f"another epoch authenticator in epoch {group.epoch}")


def messages(vector: Vector) -> None:
    """Read every MLSMessage and write it again where there is a class for it."""
    wire_formats = {
        "mls_welcome": "welcome",
        "mls_group_info": "group_info",
        "mls_key_package": "key_package",
        "public_message_application": "public_message",
        "public_message_proposal": "public_message",
        "public_message_commit": "public_message",
        "private_message": "private_message",
    }
    for name, wire_format in wire_formats.items():
        octets = bytes.fromhex(vector[name])
        if MessageInfo.from_bytes(octets).wire_format != wire_format:
            raise AssertionError(f"{name} was read as another kind")
    GroupInfo.from_bytes(bytes.fromhex(vector["mls_group_info"]))
    octets = bytes.fromhex(vector["mls_key_package"])
    if int.from_bytes(octets[6:8]) in iter(CipherSuite) and KeyPackage.from_bytes(octets).to_bytes() != octets:
        raise AssertionError("a key package was written otherwise than read")


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    folder: Path = parser.parse_args().folder or vectors_of_crate()
    failures = 0
    for name in ("messages", *PASSIVE_CLIENT):
        vectors: list[Vector] = json.loads((folder / f"{name}.json").read_text())
        ours = [vector for vector in vectors if vector.get("cipher_suite", 1) in iter(CipherSuite)]
        wrong: list[str] = []
        for number, vector in enumerate(ours):
            try:
                (messages if name == "messages" else passive_client)(vector)
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is a failed vector
                wrong.append(f"  vector {number}, suite {vector.get('cipher_suite')}: {type(error).__name__}: {error}")
        failures += len(wrong)
        count = Counter(vector["cipher_suite"] for vector in ours if "cipher_suite" in vector)
        suites = f" (suites {', '.join(f'{suite}: {count[suite]}' for suite in sorted(count))})" if count else ""
        sys.stdout.write(
            f"{name}: {len(ours) - len(wrong)} of {len(ours)} passed{suites}, {len(vectors) - len(ours)} of others\n"
        )
        sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
