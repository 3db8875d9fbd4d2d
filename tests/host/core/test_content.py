"""What stands inside a message: the draft's own examples, its parts, its bounds, and what of it is shown."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent
from balchat_host.core.content import (
    Disposition,
    Expiration,
    ExternalPart,
    MimiContent,
    MultiPart,
    NestedPart,
    NullPart,
    Semantics,
    SinglePart,
    message_id,
    reactions,
    shown,
)

EXAMPLES = Path(__file__).parent / "vectors" / "mimi-content"
IDS: dict[str, str] = json.loads((EXAMPLES / "ids.json").read_text())
TEXT = [1, "", 1, "text/plain;charset=utf-8", b"hello"]
NOTHING = [1, "", 0]


def example(name: str) -> MimiContent:
    return MimiContent.decode((EXAMPLES / f"{name}.cbor").read_bytes())


def content(part: object, **changes: Any) -> bytes:
    """Encode a content message; `changes` are fields by their name in the draft."""
    fields: dict[str, object] = {
        "salt": bytes(16),
        "replaces": None,
        "topicId": b"",
        "expires": None,
        "inReplyTo": None,
        "extensions": {},
    }
    return cbor.encode([*(fields | changes).values(), part])


def nested(depth: int) -> list[object]:
    return TEXT if depth == 1 else [1, "", 3, 0, [nested(depth - 1), NOTHING]]


# -- the draft's examples


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.cbor")), ids=lambda file: file.stem)
def test_an_example_of_the_draft_is_read_and_written_to_the_octet(file: Path) -> None:
    octets = file.read_bytes()
    assert MimiContent.decode(octets).encode() == octets


@pytest.mark.parametrize("name", sorted(IDS))
def test_the_message_ids_of_the_draft_are_ours(name: str) -> None:
    mimi = example(name)
    sender, room = (mimi.extensions[key] for key in (1, 2))
    assert isinstance(sender, str)
    assert isinstance(room, str)
    octets = (EXAMPLES / f"{name}.cbor").read_bytes()
    assert message_id(sender_uri=sender, room_uri=room, content=octets, salt=mimi.salt).hex() == IDS[name]


def test_the_examples_of_the_draft_mean_what_it_says() -> None:
    original, reply = bytes.fromhex(IDS["original"]), bytes.fromhex(IDS["reply"])
    assert shown(example("original").part).text == "Hi everyone, we just shipped release 2.0. __Good  work__!"
    assert example("reply").in_reply_to == original
    assert example("reaction").in_reply_to == original
    assert reactions(example("reaction").part) == ["\u2764"]
    assert reactions(example("multipart-2").part) == ["\u2764", "\U0001f973", "\U0001f91e"]
    assert example("edit").replaces == example("delete").replaces == reply
    assert not example("edit").deletes
    assert example("delete").deletes
    assert example("unlike").deletes
    assert example("expiring").expires == Expiration(relative=False, time=1644390004)
    assert example("conferencing").topic == b"Foo 118"
    attachment = example("attachment").part
    assert isinstance(attachment, ExternalPart)
    assert (attachment.disposition, attachment.filename, attachment.size) == (6, "bigfile.mp4", 708234961)
    assert shown(example("multipart-1").part).text == "# Welcome!"


# -- what is shown of several parts


def single(text: str, content_type: str = "text/plain", disposition: int = Disposition.RENDER) -> SinglePart:
    return SinglePart(content_type=content_type, content=text.encode(), disposition=disposition)


def multi(semantics: Semantics, *parts: NestedPart, disposition: int = Disposition.RENDER) -> MultiPart:
    return MultiPart(semantics=semantics, parts=parts, disposition=disposition)


PICTURE = single("...", "image/png")


@pytest.mark.parametrize(
    ("part", "content_type", "text"),
    [
        pytest.param(single("hi", "Text/Plain; charset=utf-8"), "Text/Plain; charset=utf-8", "hi", id="text"),
        pytest.param(PICTURE, "image/png", None, id="a picture"),
        pytest.param(single("hi", "text/plainer"), "text/plainer", None, id="nearly text"),
        pytest.param(single("hi", disposition=200), "text/plain", "hi", id="an unknown disposition"),
        pytest.param(NullPart(), "null", None, id="nothing"),
        pytest.param(
            multi(Semantics.CHOOSE_ONE, PICTURE, single("a"), single("b")),
            "text/plain",
            "a",
            id="the first of a choice",
        ),
        pytest.param(multi(Semantics.CHOOSE_ONE, PICTURE, NullPart()), "image/png", None, id="no choice"),
        pytest.param(
            multi(Semantics.PROCESS_ALL, single("a"), PICTURE, single("b")),
            "multipart/mixed",
            "a\n\nb",
            id="some of it",
        ),
        pytest.param(
            multi(Semantics.SINGLE_UNIT, single("a"), single("b")), "multipart/mixed", "a\n\nb", id="a whole unit"
        ),
        pytest.param(multi(Semantics.SINGLE_UNIT, single("a"), PICTURE), "multipart/mixed", None, id="half a unit"),
        pytest.param(
            multi(Semantics.CHOOSE_ONE, multi(Semantics.SINGLE_UNIT, single("a"), PICTURE), single("b")),
            "text/plain",
            "b",
            id="a unit that is not chosen",
        ),
    ],
)
def test_of_several_parts_that_is_shown_which_is_understood(
    part: NestedPart, content_type: str, text: str | None
) -> None:
    assert (shown(part).content_type, shown(part).text) == (content_type, text)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (single("👍", disposition=2), ["👍"]),
        (single("👍"), None),
        (single("👍", "image/png", 2), None),
        (
            multi(Semantics.PROCESS_ALL, single("👍", disposition=2), single("🎉", disposition=2), disposition=2),
            ["👍", "🎉"],
        ),
        (multi(Semantics.PROCESS_ALL, single("👍", disposition=2), single("hi"), disposition=2), None),
        (multi(Semantics.CHOOSE_ONE, single("👍", disposition=2), single("🎉", disposition=2), disposition=2), None),
        (NullPart(disposition=2), None),
    ],
)
def test_a_reaction_is_text_that_is_for_reacting(part: NestedPart, expected: list[str] | None) -> None:
    assert reactions(part) == expected


def test_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(MalformedContent, match="UTF-8"):
        shown(SinglePart(content_type="text/plain", content=b"\xff"))


# -- bounds


def test_a_message_has_at_most_1024_parts_four_deep() -> None:
    most = [[1, "", 3, 2, [NOTHING] * 1023]]
    assert MimiContent.decode(content(most[0])).part == MultiPart(
        semantics=Semantics.PROCESS_ALL, parts=(NullPart(),) * 1023
    )
    with pytest.raises(MalformedContent, match="more than 1024 parts"):
        MimiContent.decode(content([1, "", 3, 2, [NOTHING] * 1024]))
    assert shown(MimiContent.decode(content(nested(4))).part).text == "hello"
    with pytest.raises(MalformedContent, match=r"deep"):
        MimiContent.decode(content(nested(5)))


def test_what_holds_too_much_is_refused_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = content([1, "", 3, 2, [[1, "", 2, *[0] * 12]] * 1024])
    monkeypatch.setattr(cbor2, "loads", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(MalformedContent, match="more than 8192 items"):
        MimiContent.decode(octets)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"topicId": bytes(4097)}, "no mimiContent"),
        ({"salt": bytes(15)}, "no mimiContent"),
        ({"extensions": {"": 0}}, "1 to 255 octets"),
        ({"extensions": {"x" * 256: 0}}, "1 to 255 octets"),
        ({"extensions": {2**53: 0}}, "too large"),
        ({"extensions": {3: [[[[]]]]}}, "deeper than 4"),
        ({"expires": [True, 2**32]}, "expiration"),
        ({"expires": [True, True]}, "expiration"),
        ({"expires": [1, 1]}, "expiration"),
        ({"replaces": bytes(31)}, "message id"),
    ],
)
def test_a_field_beyond_its_bounds_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(MalformedContent, match=problem):
        MimiContent.decode(content(TEXT, **changes))


@pytest.mark.parametrize(
    "part",
    [
        [1, "", 1, "", b""],
        [1, "", 1, "x" * 256, b""],
        [1, "", False],
        [1, "", True, "text/plain", b""],
        [1, "", 0.0],
        [1, "", 4],
        [1, "", 3, 3, [NOTHING, NOTHING]],
        [1, "", 3, True, [NOTHING, NOTHING]],
        [1, "", 3, 0, [NOTHING]],
        [1, "", 3, 0, [NOTHING, 1]],
        [1, "", 2, "image/png", "https://example.test", 2**32, 5, 1, b"", b"", b"", 1, b"", "", ""],
        [1, "", 2, "image/png", "https://example.test", 0, 5, 2**16, b"", b"", b"", 1, b"", "", ""],
        [1, "", 2, "image/png", "https://example.test", 0, 5, 1, b"", b"", b"", 256, b"", "", ""],
    ],
)
def test_a_part_of_a_wrong_shape_is_refused(part: object) -> None:
    with pytest.raises(MalformedContent):
        MimiContent.decode(content(part))


# -- octets that are almost right

SMALL = st.integers(0, 255)
LEAVES = (
    st.builds(NullPart, disposition=SMALL, language=st.text(max_size=3))
    | st.builds(
        SinglePart, content_type=st.text(min_size=1, max_size=9), content=st.binary(max_size=9), disposition=SMALL
    )
    | st.builds(
        ExternalPart,
        content_type=st.text(max_size=9),
        url=st.text(max_size=9),
        expires=st.integers(0, 2**32 - 1),
        size=st.integers(0, 2**64 - 1),
        encryption=st.integers(0, 2**16 - 1),
        key=st.binary(max_size=9),
        nonce=st.binary(max_size=9),
        additional_data=st.binary(max_size=9),
        hash_algorithm=SMALL,
        content_hash=st.binary(max_size=9),
        description=st.text(max_size=9),
        filename=st.text(max_size=9),
    )
)


def _several(inner: st.SearchStrategy[NestedPart]) -> st.SearchStrategy[NestedPart]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(MultiPart, semantics=st.sampled_from(Semantics), parts=parts, disposition=SMALL)


PARTS: st.SearchStrategy[NestedPart] = LEAVES | _several(LEAVES | _several(LEAVES | _several(LEAVES)))
MESSAGES = st.builds(
    MimiContent,
    salt=st.binary(min_size=16, max_size=16),
    part=PARTS,
    sent_at=st.none() | st.integers(0, 2**53 - 1),
    replaces=st.none() | st.binary(min_size=32, max_size=32),
    topic=st.binary(max_size=9),
    expires=st.none() | st.builds(Expiration, relative=st.booleans(), time=st.integers(0, 2**32 - 1)),
    in_reply_to=st.none() | st.binary(min_size=32, max_size=32),
    extensions=st.dictionaries(
        st.integers(-9, 999) | st.text(min_size=1, max_size=9), st.integers(-(2**63), 2**63) | st.text(), max_size=3
    ),
)


@pytest.mark.fuzz
@given(MESSAGES)
def test_what_is_written_is_read(mimi: MimiContent) -> None:
    assert MimiContent.decode(mimi.encode()) == mimi


@pytest.mark.fuzz
@given(st.sampled_from(sorted(EXAMPLES.glob("*.cbor"))), st.data())
def test_octets_changed_do_no_more_than_raise_malformed_content(file: Path, data: st.DataObject) -> None:
    octets = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        mimi = MimiContent.decode(bytes(octets))
        shown(mimi.part)
        reactions(mimi.part)
    except MalformedContent:
        return
    assert MimiContent.decode(mimi.encode()) == mimi
