"""Recovery codes: what a person may do to one while typing it, and what is noticed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from balchat_storage_sqlcipher import recovery_code
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadInput

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VECTORS = json.loads((Path(__file__).parent / "vectors" / "recovery_codes.json").read_text())

codes = st.builds(recovery_code.new)


def test_a_code_is_seven_groups_of_four() -> None:
    assert re.fullmatch(rf"([{DIGITS}]{{4}}-){{6}}[{DIGITS}]{{3}}[{DIGITS}*~$=U]", recovery_code.new())


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["comment"])
def test_good_vectors(vector: dict[str, str]) -> None:
    assert recovery_code.read(vector["typed"]) == vector["digits"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["comment"])
def test_bad_vectors(vector: dict[str, str]) -> None:
    with pytest.raises(BadInput) as raised:
        recovery_code.read(vector["typed"])
    assert raised.value.fields["problem"] == vector["problem"]


@given(codes, st.sampled_from(["", " ", "-", "\t"]), st.booleans())
def test_spaces_hyphens_and_case_do_not_matter(code: str, between: str, lower: bool) -> None:
    typed = between.join(code.replace("-", ""))
    assert recovery_code.read(typed.lower() if lower else typed) == code.replace("-", "")[:-1]


@given(codes)
def test_letters_that_look_like_digits_are_read_as_those(code: str) -> None:
    body, check = code[:-1], code[-1]
    assert recovery_code.read(body.replace("0", "o").replace("1", "L") + check) == recovery_code.read(code)
    assert recovery_code.read(body.replace("1", "i") + check) == recovery_code.read(code)


@given(codes, st.integers(0, 26), st.sampled_from(DIGITS))
def test_one_wrong_character_is_noticed(code: str, place: int, digit: str) -> None:
    plain = code.replace("-", "")
    if plain[place] != digit:
        with pytest.raises(BadInput, match="mistyped"):
            recovery_code.read(plain[:place] + digit + plain[place + 1 :])


@given(codes, st.integers(0, 25))
def test_two_neighbours_that_changed_places_are_noticed(code: str, place: int) -> None:
    plain = code.replace("-", "")
    if plain[place] != plain[place + 1]:
        with pytest.raises(BadInput, match="changed places"):
            recovery_code.read(plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :])


@pytest.mark.fuzz
@given(st.text())
def test_any_text_is_read_or_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        recovery_code.read(text)
    assert len(str(raised.value)) < 120
