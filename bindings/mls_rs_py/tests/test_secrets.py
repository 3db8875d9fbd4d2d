"""Secrets are not shown, and not left in memory."""

import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from mls_rs_py import (
    CommitSecrets,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InMemoryPreSharedKeyStorage,
    MlsError,
    SignatureKeyPair,
)

HOLDER = Path(__file__).with_name("holder.py")


def found(process: subprocess.Popen, *needles: bytes) -> list[int]:
    """Count each needle in what a process can write to."""
    hits = [0] * len(needles)
    with Path(f"/proc/{process.pid}/maps").open() as maps, Path(f"/proc/{process.pid}/mem").open("rb", 0) as memory:
        for line in maps:
            area, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(address, 16) for address in area.split("-"))
            memory.seek(start)
            octets = bytearray()
            while len(octets) < end - start and (more := memory.read(end - start - len(octets))):
                octets += more
            hits = [before + octets.count(needle) for before, needle in zip(hits, needles, strict=True)]
    return hits


def test_nothing_that_rust_owns_is_left_in_memory():
    # A scalar of P-384: below the group's order.
    signature_key, psk, _ = secrets = (b"\x01" + os.urandom(47), os.urandom(32), os.urandom(32))
    with subprocess.Popen([sys.executable, HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        for secret in secrets:
            holder.stdin.write(secret)
            holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        assert all(found(holder, signature_key, psk)), "the search works: what is in use is found"
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"dropped\n"
        pieces = [piece for secret in secrets for piece in (secret, secret[:16], secret[-16:])]
        left = found(holder, *pieces)
        holder.stdin.write(b"\n")
    assert left == [0] * len(pieces), "of the signature key, the PSK and the plaintext, whole or in part"


def spellings(secret: bytes) -> list[str]:
    """Return the ways in which octets could be shown."""
    start = secret[:6]
    return [start.hex(), repr(start)[2:-1], str(list(start))[1:-1], start.hex(" "), start.decode("latin-1")]


def test_exceptions_show_no_secret(person, pair):
    secret = b"S\x81cret!?" * 4
    alice, _ = pair
    client = person("carol").client
    calls = [
        lambda: SignatureKeyPair.from_secret(secret + b"x"),
        lambda: SignatureKeyPair.from_secret(secret, 5),
        lambda: SignatureKeyPair.from_secret(secret, 99999),
        lambda: SignatureKeyPair.from_secret(secret.hex()),
        lambda: SignatureKeyPair.from_secret(list(secret)),
        lambda: SignatureKeyPair.from_secret(b"\xff" * 48 + secret, 7),
        lambda: CommitSecrets.from_bytes(secret),
        lambda: CommitSecrets.from_bytes(secret.hex()),
        lambda: alice.encrypt(secret.hex()),
        lambda: alice.encrypt([secret]),
        lambda: alice.process(secret),
        lambda: client.join(secret),
        lambda: client.load_group(secret),
        lambda: alice.member_with_identity(secret),
        lambda: alice.commit(psks=[secret]),
        lambda: alice.export_secret("label", secret, 2**40),
    ]
    for call in calls:
        with pytest.raises((MlsError, TypeError, OverflowError)) as caught:
            call()
        shown = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value)
        for spelling in (*spellings(secret), secret.hex()[:12]):
            assert spelling not in shown, shown


def test_what_holds_secrets_is_not_pickled(person, pair):
    alice, bob = pair
    psks = InMemoryPreSharedKeyStorage()
    psks.insert(b"id", b"psk")
    _, secrets = alice.commit_detached()
    for value in (
        SignatureKeyPair.generate(),
        person("carol").client,
        alice,
        secrets,
        bob.process(alice.encrypt(b"x")),
        psks,
        InMemoryGroupStateStorage(),
        InMemoryKeyPackageStorage(),
    ):
        with pytest.raises(TypeError):
            pickle.dumps(value)
