"""Relay addresses, versions and paths."""

import pytest
from balchat_common.ed25519 import is_of_small_order
from balchat_relay_proto.address import BadRelayAddress, RelayAddress
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.versions import common_version, split_path
from hypothesis import given
from hypothesis import strategies as st

ADDRESS = RelayAddress(relay_key=b"\x11" * 32)
KEYS = st.binary(min_size=32, max_size=32).filter(lambda key: not is_of_small_order(key))


@given(KEYS, st.none() | st.text("abc é&=", min_size=1, max_size=20))
def test_an_address_is_read_as_it_was_written(key: bytes, permit: str | None) -> None:
    address = RelayAddress(relay_key=key, permit=permit)
    assert RelayAddress.parse(str(address)) == address


def test_a_permit_is_written_in_letters_digits_and_escapes() -> None:
    written = str(RelayAddress(relay_key=b"\x11" * 32, permit="a-b_c.d~e +&="))
    assert set(written.partition("?permit=")[2]) <= set("abcde%0123456789ABCDEF")
    assert RelayAddress.parse(written.replace("permit", "PERMIT")).permit == "a-b_c.d~e +&="


def test_a_bare_onion_in_any_case_and_wrapped_is_an_address() -> None:
    onion = ADDRESS.onion.upper()
    assert RelayAddress.parse(f" {onion[:20]}\n{onion[20:]} ") == ADDRESS


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("", "0 characters"),
        ("balchat:" + ADDRESS.onion, "begins with"),
        (str(ADDRESS)[:-1], "55 characters"),
        (str(ADDRESS).replace("d", "1", 1)[:-1] + "1", "contains '1'"),
        (str(ADDRESS)[:-1] + "a", "version 3"),
        ("balchat-relay:" + "a" + ADDRESS.onion[1:], "checksum"),
        (str(RelayAddress(relay_key=bytes(32))), "anybody can sign"),
        (str(ADDRESS) + "?permit=" + "x" * 129, "permit"),
        (str(ADDRESS) + "?" + "&".join(f"a{n}=b" for n in range(17)), "more than 16"),
        (str(ADDRESS) + "?permit=", "permit is empty"),
        (str(ADDRESS) + "?permit", "cannot be read"),
        (str(ADDRESS) + "?permit=%C3", "cannot be read"),
        ("x" * 600, "600 characters"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(address: str, problem: str) -> None:
    with pytest.raises(BadRelayAddress, match=problem):
        RelayAddress.parse(address)


def test_versions() -> None:
    assert common_version([1, 2, 3]) == 1
    with pytest.raises(Refused, match="This program must be updated"):
        common_version([2])
    with pytest.raises(Refused, match="The relay must be updated"):
        common_version([0])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/put", Code.UNSUPPORTED_VERSION),
        ("/put", Code.UNKNOWN_OPERATION),
        ("/vx/put", Code.UNKNOWN_OPERATION),
        ("/v999999/put", Code.UNKNOWN_OPERATION),
    ],
)
def test_a_path_of_another_shape_or_version_is_refused(path: str, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        split_path(path)
    assert refused.value.code is code
    assert split_path("/v1/put") == (1, "put")
