"""Chat codes as people paste them; docs/spec/chat-code.md."""

import json
from pathlib import Path
from typing import Any

import pytest
from balchat_common.ed25519 import is_of_small_order
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadChatCode, BadOnionAddress
from balchat_host.api.types import PeerId
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.names import clean_name
from balchat_host.core.safety import safety_number

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/chat-codes.json").read_text())
PEERS = st.binary(min_size=32, max_size=32).filter(lambda key: not is_of_small_order(key)).map(PeerId)


@pytest.mark.parametrize("vector", VECTORS["valid"])
def test_every_spelling_of_a_code_is_read(vector: dict[str, Any]) -> None:
    code = ChatCode.parse(vector["text"])
    assert code.peer.octets.hex() == vector["peer_id"]
    assert code.name == vector["name"]
    assert [relay.octets.hex() for relay in code.relays] == vector.get("relays", [])


@pytest.mark.parametrize("vector", VECTORS["invalid"])
def test_a_wrong_code_says_what_is_wrong_with_it(vector: dict[str, Any]) -> None:
    with pytest.raises(BadChatCode) as caught:
        ChatCode.parse(vector["text"])
    assert caught.value.fields["problem"] == vector["problem"]


@given(PEERS, st.text(max_size=80), st.lists(PEERS, unique=True, max_size=3))
def test_a_code_reads_back_as_what_it_was_made_of(peer: PeerId, name: str, relays: list[PeerId]) -> None:
    shown = clean_name(name)
    code = ChatCode(peer=peer, name=shown or None, relays=tuple(relays))
    assert ChatCode.parse(str(code)) == code


@pytest.mark.parametrize("key", [bytes(32), (2**255 - 18).to_bytes(32, "little")], ids=["zero", "one, not reduced"])
def test_a_key_that_anybody_can_sign_with_is_nobodys(key: bytes) -> None:
    with pytest.raises(BadOnionAddress, match="anybody can sign"):
        PeerId.from_onion(PeerId(key).onion)
    with pytest.raises(BadChatCode, match="anybody can sign"):
        ChatCode.parse(str(ChatCode(peer=PeerId(key))))
    with pytest.raises(BadChatCode, match="anybody can sign"):
        ChatCode.parse(str(ChatCode(peer=PeerId(b"\x11" * 32), relays=(PeerId(key),))))


@pytest.mark.parametrize("position", range(56))
def test_no_single_mistyped_character_goes_unnoticed(position: int) -> None:
    # Of random addresses, one mistyped one in 65,536 has the right checksum; of this one, none has.
    address = PeerId(b"\x11" * 32).onion.removesuffix(".onion")
    for character in set("abcdefghijklmnopqrstuvwxyz234567") - {address[position]}:
        with pytest.raises(BadOnionAddress):
            PeerId.from_onion(address[:position] + character + address[position + 1 :])


@pytest.mark.parametrize("vector", VECTORS["safety_numbers"])
def test_both_sides_see_the_same_safety_number(vector: dict[str, Any]) -> None:
    one, other = (PeerId(bytes.fromhex(each)) for each in vector["peers"])
    assert safety_number(one, other) == safety_number(other, one) == vector["safety_number"]


@given(PEERS, PEERS, PEERS)
def test_a_safety_number_with_somebody_else_differs(one: PeerId, other: PeerId, third: PeerId) -> None:
    assert (safety_number(one, other) == safety_number(one, third)) == (other == third)
