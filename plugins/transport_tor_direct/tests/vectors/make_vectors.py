"""Writes the vectors from the specification, with nothing of balchat: `python make_vectors.py`."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
HELLO, CHALLENGE, PROOF, READY, CLOSE = 1, 2, 3, 4, 15
FRAGMENT, ENVELOPE, ACK, REFUSE, WINDOW, PING, PONG = range(0x10, 0x17)
LINK, BULK = b"balchat\0", b"balchat\1"
"""What the two kinds of streams begin with."""
ALICE, BOB, MALLORY = (bytes([number]) * 32 for number in (1, 2, 3))
ALICE_DEVICE, BOB_DEVICE, OTHER_DEVICE = (bytes([number]) * 16 for number in (0xA, 0xB, 0xC))
BOB_ONION = bytes([0xBB]) * 32
"""The seed of the key of Bob's device onion."""
ALICE_NONCE, BOB_NONCE = bytes([0xA1]) * 32, bytes([0xB0]) * 32


def public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def header(kind: int, length: int, number: int = 0) -> bytes:
    return struct.pack(">BBHQ", kind, length >> 16, length & 0xFFFF, number)


def frame(kind: int, number: int = 0, payload: bytes = b"") -> bytes:
    return header(kind, len(payload), number) + payload


def hello(
    seed: bytes = ALICE,
    *,
    onion: bytes = BOB,
    magic: bytes = LINK,
    versions: bytes = b"\x01",
    count: int | None = None,
) -> bytes:
    counted = len(versions) if count is None else count
    who = public(seed) + ALICE_DEVICE + public(onion)
    return frame(HELLO, 0, magic + who + ALICE_NONCE + bytes([counted]) + versions)


def challenge(
    seed: bytes = BOB,
    version: int = 1,
    nonce: bytes = BOB_NONCE,
    *,
    device: bytes = BOB_DEVICE,
    onion: bytes | None = None,
) -> bytes:
    who = public(seed) + device + public(onion or seed)
    return frame(CHALLENGE, 0, bytes([version]) + who + nonce)


def proof(key: bytes = ALICE, sent: bytes | None = None, answered: bytes | None = None, domain: bytes = b"") -> bytes:
    message = (domain or b"balchat-direct-dialler") + b"\0" + (sent or hello()) + (answered or challenge())
    return frame(PROOF, 0, Ed25519PrivateKey.from_private_bytes(key).sign(message))


def part(octets: bytes, *, zeros: int = 0, times: int = 1) -> dict[str, object]:
    return {"hex": octets.hex(), "zeros": zeros, "times": times}


def write(name: str, machine: str, rule: str | None, receive: list[object], **more: object) -> None:
    parts = [part(each) if isinstance(each, bytes) else each for each in receive]
    vector = {"machine": machine, "rule": rule, **more, "receive": parts}
    (HERE / f"{name}.json").write_text(json.dumps(vector, indent=1) + "\n")


ALICE_IS = (public(ALICE) + ALICE_DEVICE).hex()


def frames() -> None:
    def one(name: str, rule: str | None, *receive: object, frames: list[list[object]] | None = None) -> None:
        write(f"frame-{name}", "frames", rule, list(receive), frames=frames or [])

    one("ping", None, frame(PING, 7), frames=[[PING, 7, ""]])
    one("largest-number", None, frame(WINDOW, 2**64 - 1), frames=[[WINDOW, 2**64 - 1, ""]])
    one(
        "two",
        None,
        frame(ENVELOPE, 0, b"hi") + frame(ACK, 3, bytes(4)),
        frames=[[ENVELOPE, 0, "6869"], [ACK, 3, "00000000"]],
    )
    one("half", None, frame(ENVELOPE, 0, b"hi")[:-1])
    one("unknown-type", "F1", header(0x17, 0))
    one("type-zero", "F1", header(0, 0))
    one("hello-too-long", "F2", header(HELLO, 138))
    one("envelope-empty", "F2", header(ENVELOPE, 0))
    one("envelope-too-long", "F2", header(ENVELOPE, 16_385))
    one("fragment-not-full", "F2", header(FRAGMENT, 16_383))
    one("fragment-of-16-mib", "F2", header(FRAGMENT, 0xFFFFFF))
    one("ack-short", "F2", header(ACK, 3))
    one("refuse-too-long", "F2", header(REFUSE, 69))
    one("ready-with-payload", "F2", header(READY, 1))
    one("hello-with-number", "F3", header(HELLO, 122, 1))
    one("ready-with-number", "F3", header(READY, 0, 2**63))


def acceptor() -> None:
    def one(name: str, rule: str | None, *receive: bytes, send: list[bytes] | None = None, **more: object) -> None:
        ours = {
            "seed": BOB.hex(),
            "device": BOB_DEVICE.hex(),
            "onion": public(BOB).hex(),
            "nonce": BOB_NONCE.hex(),
            "versions": [1],
            "purpose": "link",
        } | more
        write(f"acceptor-{name}", "acceptor", rule, list(receive), send=[each.hex() for each in send or []], **ours)

    answered = [challenge()]
    one("ready", None, hello(), proof(), send=[*answered, frame(READY)], proven=ALICE_IS)
    newer = hello(versions=b"\x07\x01")
    one(
        "newer-dialler",
        None,
        newer,
        proof(sent=newer),
        send=[*answered, frame(READY)],
        proven=ALICE_IS,
    )
    both, second = hello(versions=b"\x02\x01"), challenge(version=2)
    one(
        "best-common-version",
        None,
        both,
        proof(sent=both, answered=second),
        send=[second, frame(READY)],
        proven=ALICE_IS,
        versions=[2, 1],
    )
    one("goes-away", None, hello(), frame(CLOSE, 1), send=answered)
    one("ready-out-of-turn", "H1", frame(READY))
    one("proof-first", "H1", proof())
    one("hello-twice", "H1", hello(), hello(), send=answered)
    one("envelope-before-proof", "H1", hello(), frame(ENVELOPE, 0, b"hi"), send=answered)
    one("envelope-behind-proof", "H1", hello(), proof() + frame(ENVELOPE, 0, b"hi"), send=answered)
    one("magic", "H2", hello(magic=b"balchat\2"))
    one("bulk-at-the-identity-onion", "H2", hello(magic=BULK))
    one("no-versions", "H3", frame(HELLO, 0, hello()[12:-2] + b"\x00\x01"))
    one("versions-missing", "H3", hello(count=2))
    one("versions-ascend", "H3", hello(versions=b"\x01\x02"))
    one("versions-twice", "H3", hello(versions=b"\x01\x01"))
    one("ourselves", "H4", hello(BOB))
    one("for-another-onion", "H11", hello(onion=BOB_ONION))
    there = {"onion": public(BOB_ONION).hex()}
    to_device, from_device = hello(onion=BOB_ONION), challenge(onion=BOB_ONION)
    one(
        "device-onion",
        None,
        to_device,
        proof(sent=to_device, answered=from_device),
        send=[from_device, frame(READY)],
        proven=ALICE_IS,
        **there,
    )
    one("identity-onion-at-the-device-onion", "H11", hello(), **there)
    bulk = hello(onion=BOB_ONION, magic=BULK)
    one(
        "bulk",
        None,
        bulk,
        proof(sent=bulk, answered=from_device),
        send=[from_device, frame(READY)],
        proven=ALICE_IS,
        purpose="bulk",
        **there,
    )
    one("proof-for-a-link", "H8", bulk, proof(sent=to_device, answered=from_device), send=[from_device], **there)
    one("no-common-version", "H5", hello(versions=b"\x09\x08"))
    one("wrong-key", "H8", hello(), proof(MALLORY), send=answered)
    one("wrong-domain", "H8", hello(), proof(domain=b"balchat-direct-acceptor"), send=answered)
    one("replayed", "H8", hello(), proof(answered=challenge(nonce=bytes(32))), send=answered)
    one("for-another-acceptor", "H8", hello(), proof(answered=challenge(MALLORY)), send=answered)
    one("for-another-device", "H8", hello(), proof(answered=challenge(device=OTHER_DEVICE)), send=answered)
    one("versions-stripped", "H8", hello(), proof(sent=newer), send=answered)


def dialler() -> None:
    def one(
        name: str,
        rule: str | None,
        *receive: bytes,
        send: list[bytes] | None = None,
        onion: bytes = BOB,
        device: bytes | None = None,
        magic: bytes = LINK,
    ) -> None:
        ours = {
            "purpose": "bulk" if magic == BULK else "link",
            "seed": ALICE.hex(),
            "device": ALICE_DEVICE.hex(),
            "peer": public(BOB).hex(),
            "peer_device": device.hex() if device else None,
            "onion": public(onion).hex(),
            "nonce": ALICE_NONCE.hex(),
            "versions": [1],
        }
        sent = [each.hex() for each in (hello(onion=onion, magic=magic), *(send or []))]
        write(f"dialler-{name}", "dialler", rule, list(receive), send=sent, **ours)

    one("ready", None, challenge(), frame(READY), send=[proof()])
    one("refused", None, challenge(), frame(CLOSE, 5), send=[proof()])
    one("refused-for-an-unknown-reason", None, frame(CLOSE, 99))
    one("ready-out-of-turn", "H1", frame(READY))
    one("hello", "H1", hello(BOB))
    one("challenge-twice", "H1", challenge(), challenge(), send=[proof()])
    one("somebody-else", "H6", challenge(MALLORY))
    one("another-onion", "H6", challenge(onion=BOB_ONION))
    to_device = hello(onion=BOB_ONION)
    there = challenge(onion=BOB_ONION)
    proven = proof(sent=to_device, answered=there)
    one("device-onion", None, there, frame(READY), send=[proven], onion=BOB_ONION, device=BOB_DEVICE)
    bulk = proof(sent=hello(onion=BOB_ONION, magic=BULK), answered=there)
    one("bulk", None, there, frame(READY), send=[bulk], onion=BOB_ONION, device=BOB_DEVICE, magic=BULK)
    one("another-device", "H6", challenge(onion=BOB_ONION, device=OTHER_DEVICE), onion=BOB_ONION, device=BOB_DEVICE)
    one("version-not-offered", "H7", challenge(version=2))


def link() -> None:
    def one(
        name: str,
        rule: str | None,
        *receive: object,
        sent: int = 0,
        announce: bool = True,
        arrived: list[int] | None = None,
        send: bytes = b"",
    ) -> None:
        more = {
            "sent": sent,
            "announce": announce,
            "arrived": arrived or [],
            "send": [send.hex()] if send else [],
        }
        write(f"link-{name}", "link", rule, list(receive), **more)

    small = frame(ENVELOPE, 0, b"hi")
    full = 16_384

    def fragment(number: int, times: int = 1) -> dict[str, object]:
        return part(header(FRAGMENT, full, number), zeros=full, times=times)

    one("envelope", None, small, arrived=[2])
    one("fragments", None, fragment(0, 2), frame(ENVELOPE, 0, b"x"), arrived=[2 * full + 1])
    one("interleaved", None, fragment(0), fragment(1), frame(ENVELOPE, 1, b"x"), small, arrived=[full + 1, full + 2])
    one("largest", None, fragment(0, 63), part(header(ENVELOPE, full, 0), zeros=full), arrived=[64 * full])
    one("ping", None, frame(PING, 9), send=frame(PONG, 9))
    one("only-the-newest-ping", None, frame(PING, 9) + frame(PING, 10), send=frame(PONG, 10))
    one("ack-again", None, frame(ACK, 0, b"\0\0\0\1"), frame(ACK, 0, b"\0\0\0\1"), sent=1)
    one("refuse", None, frame(REFUSE, 0, b"\0\0\0\0busy"), sent=1)
    one("close-for-an-unknown-reason", None, frame(CLOSE, 77))
    one("handshake-frame", "H1", frame(READY))
    one("number-skipped", "L1", frame(ENVELOPE, 1, b"x"))
    one("number-again", "L1", small, small, arrived=[2])
    one("three-unfinished", "L2", fragment(0), fragment(1), fragment(2))
    one("too-large", "L3", fragment(0, 64))
    one("ack-for-nothing-sent", "L4", frame(ACK, 0, b"\0\0\0\1"))
    one("ack-for-one-too-many", "L4", frame(ACK, 0, b"\0\0\0\3"), sent=2)
    one("ack-wraps", "L4", frame(ACK, 2**64 - 1, b"\0\0\0\2"), sent=2)
    one("refuse-for-nothing-sent", "L4", frame(REFUSE, 5, bytes(4)), sent=2)
    one("ack-of-none", "L5", frame(ACK, 0, bytes(4)), sent=2)
    one("ack-of-too-many", "L5", frame(ACK, 0, b"\0\0\4\1"), sent=2)
    one("reason-in-capitals", "L6", frame(REFUSE, 0, bytes(4) + b"Busy"), sent=1)
    one("reason-with-a-newline", "L6", frame(REFUSE, 0, bytes(4) + b"busy\n"), sent=1)
    one("beyond-the-window", "L7", fragment(0, 4), announce=False)
    one("window-lowered", "L8", frame(WINDOW, 65_535))
    one("pong-for-no-ping", "L9", frame(PONG, 1))


def route() -> None:
    """Whether an address that Bob names for his device leads anywhere, and to which onion."""

    def one(name: str, address: bytes, *, leads: bytes | None = None, device: bytes | None = BOB_DEVICE) -> None:
        write(
            f"route-{name}",
            "route",
            None,
            [],
            peer=public(BOB).hex(),
            device=device.hex() if device else None,
            address=address.hex(),
            leads=public(leads).hex() if leads else None,
        )

    def signed(
        key: bytes = BOB_ONION, *, peer: bytes = BOB, device: bytes = BOB_DEVICE, domain: bytes = b"", tail: bytes = b""
    ) -> bytes:
        message = (domain or b"balchat-device-onion-v1") + b"\0" + public(peer) + device + tail
        return Ed25519PrivateKey.from_private_bytes(key).sign(message)

    one("device-onion", public(BOB_ONION) + signed(), leads=BOB_ONION)
    one("identity-onion", public(BOB), leads=BOB)
    one("identity-onion-of-any-device", public(BOB), leads=BOB, device=None)
    one("device-onion-of-no-device", public(BOB_ONION) + signed(), device=None)
    one("R1-somebody-elses-identity-onion", public(ALICE))
    one("R2-the-identity-onion-as-device-onion", public(BOB) + signed(BOB))
    one("R3-another-device", public(BOB_ONION) + signed(device=OTHER_DEVICE))
    one("R4-signed-by-the-identity-key", public(BOB_ONION) + signed(BOB))
    one("R4-somebody-elses-onion", public(MALLORY) + signed())
    one("R4-for-another-peer", public(BOB_ONION) + signed(peer=ALICE))
    one("R4-another-domain", public(BOB_ONION) + signed(domain=b"balchat-direct-dialler"))
    one("R4-an-octet-more", public(BOB_ONION) + signed(tail=b"\0"))
    one("nothing", b"")
    one("cut-short", (public(BOB_ONION) + signed())[:-1])
    one("too-long", public(BOB_ONION) + signed() + b"\0")


for old in HERE.glob("*.json"):
    old.unlink()
frames()
acceptor()
dialler()
link()
route()
