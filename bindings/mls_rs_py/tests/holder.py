"""Holds secrets, uses them and lets go of them, for test_secrets.py, which looks into its memory.

Three secrets come on standard input: a signature key, a pre-shared key, a plaintext. Before each look it writes a line,
and goes on when it gets one. What Python owns of them is overwritten: what is found is Rust's.
"""

import ctypes
import gc
import os
import sys

from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    Client,
    CommitSecrets,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    SignatureKeyPair,
)


def wipe(octets: bytes) -> None:
    """Overwrite a bytes object."""
    ctypes.memset(id(octets) + bytes.__basicsize__ - 1, 0, len(octets))


def receive(size: int) -> bytes:
    """Read octets so that no copy is left."""
    octets = bytes(bytearray(size))
    view = (ctypes.c_char * size).from_address(id(octets) + bytes.__basicsize__ - 1)
    assert os.readv(0, [view]) == size
    return octets


def wait(state: str) -> None:
    """Let the test look."""
    sys.stdout.write(f"{state}\n")
    sys.stdout.flush()
    os.read(0, 1)


class Forgetful(InMemoryGroupStateStorage):
    """Overwrites what it was given once it is replaced, or at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[bytes] = []

    def write(self, group_id, state, tree, epoch_inserts, epoch_updates):
        self.given += [state, *(epoch for _, epoch in (*epoch_inserts, *epoch_updates))]
        super().write(group_id, state, tree, epoch_inserts, epoch_updates)


class Keys:
    """Gives a copy of the one pre-shared key, and overwrites it later."""

    def __init__(self, psk: bytes) -> None:
        self.psk = psk

    def get(self, psk_id: bytes) -> bytes:
        return self.psk


def work() -> None:
    """Use the secrets in a conversation."""
    key, psk, plaintext = receive(48), receive(32), receive(32)
    pair = SignatureKeyPair.from_secret(key, 7)
    wipe(key)
    storage = Forgetful()

    def client(name: bytes, pair: SignatureKeyPair) -> Client:
        return Client(
            BasicCredential(name),
            pair,
            identity_provider=BasicIdentityProvider(),
            group_state_storage=storage if name == b"alice" else InMemoryGroupStateStorage(),
            key_package_storage=InMemoryKeyPackageStorage(),
            psk_storage=Keys(psk),
        )

    alice, bob = client(b"alice", pair), client(b"bob", SignatureKeyPair.generate(7))
    group = alice.create_group(b"group")
    commit = group.commit(add=[bob.generate_key_package()])
    group.apply_pending_commit()
    bobs = bob.join(commit.welcomes[0])
    wait("held")
    for _ in range(3):
        commit, secrets = group.commit_detached(psks=[b"id"])
        kept = secrets.to_bytes()
        group.apply_detached_commit(CommitSecrets.from_bytes(kept))
        wipe(kept)
        bobs.process(commit.message)
        commit = group.commit()
        group.write_to_storage()
        group = alice.load_group(b"group")
        group.apply_pending_commit()
        bobs.process(commit.message)
        received = bobs.process(group.encrypt(plaintext))
        wipe(received.data)
        group.write_to_storage()
    wipe(psk)
    wipe(plaintext)
    for octets in storage.given:
        wipe(octets)


work()
gc.collect()
wait("dropped")
