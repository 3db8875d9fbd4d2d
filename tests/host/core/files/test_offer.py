"""What a message says of a file, and what is no file however it looks."""

import json
import string
from dataclasses import replace
from pathlib import Path

import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent
from balchat_host.api.frontend.limits import MAX_FILES
from balchat_host.core.content import Disposition, ExternalPart, MimiContent, MultiPart, Semantics, SinglePart, shown
from balchat_host.core.content.parts import decode
from balchat_host.core.files import receipts
from balchat_host.core.files.names import harmless
from balchat_host.core.files.offer import FileOffer, offers
from balchat_host.core.files.preview import Preview, SmallPicture, Voice

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "previews.json").read_text())
OFFER = FileOffer(
    name="tide table.pdf",
    content_type="application/pdf",
    size=65_537,
    root=bytes(range(32)),
    key=b"AGE-SECRET-KEY-1" + b"Q" * 58,
    header=b"age-encryption.org/v1\n-> X25519 x\ny\n--- z\n",
)
TEXT = SinglePart(content_type="text/plain;charset=utf-8", content=b"Look.")


def test_an_offer_comes_out_of_a_message_as_it_went_in() -> None:
    several = MultiPart(semantics=Semantics.PROCESS_ALL, parts=(TEXT, OFFER.part(), replace(OFFER, size=0).part()))
    content = MimiContent(salt=bytes(16), part=several)
    read = MimiContent.decode(content.encode()).part
    assert offers(read) == [OFFER, replace(OFFER, size=0)]
    assert shown(read).text == "Look."


PREVIEWS = (
    SmallPicture(octets=b"RIFF....WEBP", width=4032, height=3024),
    SmallPicture(octets=b"x" * 8192, width=None, height=None),
    Voice(duration=61_500, levels=bytes(range(64))),
    Voice(duration=1, levels=b""),
)


@pytest.mark.parametrize("preview", PREVIEWS)
def test_a_preview_stands_beside_its_file_and_shows_nothing_of_its_own(preview: Preview) -> None:
    offer = replace(OFFER, preview=preview)
    for part in (offer.part(), MultiPart(semantics=Semantics.PROCESS_ALL, parts=(TEXT, offer.part(), OFFER.part()))):
        read = MimiContent.decode(MimiContent(salt=bytes(16), part=part).encode()).part
        assert offers(read)[0] == offer
        assert "image/webp" not in shown(read).content_type
    assert shown(offer.part()) == shown(OFFER.part())


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("image/webp", b""),
        ("image/webp", bytes(8193)),
        ("image/svg+xml", b"<svg/>"),
        ("image/webp;width=0;height=1", b"x"),
        ("image/webp;width=65536;height=1", b"x"),
        ("image/webp;width=٣;height=1", b"x"),
        ("application/vnd.balchat.voice", b""),
        ("application/vnd.balchat.voice", cbor.encode([0, b""])),
        ("application/vnd.balchat.voice", cbor.encode([True, b""])),
        ("application/vnd.balchat.voice", cbor.encode([1, bytes(65)])),
        ("application/vnd.balchat.voice", cbor.encode([86_400_001, b""])),
        ("application/vnd.balchat.voice", cbor.encode([1, b"", 1])),
    ],
)
def test_a_preview_that_is_none_is_passed_over(content_type: str, content: bytes) -> None:
    strange = SinglePart(content_type=content_type, content=content, disposition=Disposition.PREVIEW)
    unit = MultiPart(semantics=Semantics.SINGLE_UNIT, parts=(strange, OFFER.part()))
    assert offers(unit) == [OFFER]


@pytest.mark.fuzz
@given(st.data(), st.sampled_from((None, *PREVIEWS)))
def test_octets_changed_make_another_offer_or_none(data: st.DataObject, preview: Preview | None) -> None:
    octets = bytearray(MimiContent(salt=bytes(16), part=replace(OFFER, preview=preview).part()).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = MimiContent.decode(bytes(octets)).part
    except MalformedContent:
        return
    for offer in offers(read):
        assert len(offer.root) == 32
        assert 0 <= offer.size <= 2**36
        assert offers(offer.part()) == [offer]
        assert 0 < len(harmless(offer.name).encode()) <= 255


@pytest.mark.fuzz
@given(st.binary(max_size=200) | st.builds(cbor.encode, st.lists(st.binary(max_size=40) | st.integers(0, 9))))
def test_what_is_said_of_received_files_is_roots_or_refused(body: bytes) -> None:
    try:
        roots = receipts.decode(body)
    except MalformedContent:
        return
    assert 0 < len(roots) <= 32
    assert all(len(root) == 32 for root in roots)


def test_nothing_secret_is_in_its_repr() -> None:
    assert "AGE-SECRET" not in repr(OFFER)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://example.org/x"},
        {"url": "balchat-file:"},
        {"url": OFFER.part().url.upper()},
        {"url": OFFER.part().url[:-1] + "b"},
        {"url": OFFER.part().url + "a"},
        {"encryption": 1},
        {"size": 2**36 + 1},
        {"key": b""},
        {"key": b"x" * 74},
        {"additional_data": b""},
        {"additional_data": OFFER.header[:-1]},
        {"additional_data": b"age-encryption.org/v1\n-> X25519 x\ny\n"},
        {"additional_data": OFFER.header + b"-> X25519 x\n"},
        {"additional_data": b"x" * 1025},
        {"filename": "x" * 4097},
    ],
)
def test_what_is_not_of_the_format_is_no_file(change: dict[str, object]) -> None:
    part: ExternalPart = replace(OFFER.part(), **change)  # pyright: ignore[reportArgumentType]  # each fits its field
    assert offers(part) == []


def test_a_message_has_no_more_files_than_there_may_be() -> None:
    many = MultiPart(semantics=Semantics.PROCESS_ALL, parts=(OFFER.part(),) * (MAX_FILES + 1))
    assert len(offers(many)) == MAX_FILES


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("report.pdf", "report.pdf"),
        ("../../.ssh/authorized_keys", "authorized_keys"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        (" . ", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\x00b\nc", "abc"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("what?*|<>.txt", "what_____.txt"),
        ("cafe\u0301.txt", "café.txt"),
        ("a  b.txt", "a b.txt"),
        ("x" * 4000 + ".jpeg", "x" * 250 + ".jpeg"),
        ("é" * 4000, "é" * 127),
        ("\u202e" * 4000 + "harbour.jpeg", "harbour.jpeg"),
        ("\u202e" * 448 + "harbour" + "\u202e" * 60 + ".jpg", "jpg"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        ("x" * 251 + ".jpeg", "x" * 250 + ".jpeg"),
        ("ends in a dot.", "ends in a dot"),
        ("-.bash_profile", "bash_profile"),
        ("~ .- .profile", "profile"),
        ("CONOUT$", "_CONOUT$"),
    ],
)
def test_a_name_is_made_harmless(name: str, becomes: str) -> None:
    assert harmless(name) == becomes


@given(st.one_of(st.text(), st.text(alphabet=string.printable + "./\\~- :\u202e\u200d\u0301")))
def test_a_name_harms_nowhere(name: str) -> None:
    seen = harmless(name)
    assert 0 < len(seen.encode()) <= 255
    assert seen not in (".", "..")
    assert not set(seen) & set('/\\:*?"<>|\0\n\r')
    assert seen[0] not in ".-~ "
    assert seen[-1] not in ". "
    assert harmless(seen) == seen


@pytest.mark.parametrize(
    ("which", "offer"),
    [
        ("picture", replace(OFFER, name="harbour.jpg", content_type="image/jpeg", preview=PREVIEWS[0])),
        (
            "voice",
            replace(
                OFFER,
                name="voice.ogg",
                content_type="audio/ogg;codecs=opus",
                preview=Voice(duration=61_500, levels=bytes([0, 128, 255])),
            ),
        ),
    ],
)
def test_previews_are_those_of_the_vectors(which: str, offer: FileOffer) -> None:
    octets = bytes.fromhex(VECTORS[which])
    assert cbor.encode(offer.part().item()) == octets
    assert offers(decode(cbor.decode(octets, max_items=100, max_depth=4))) == [offer]
