"""Names of people: never an address, one spelling each, and every script's and emoji's own signs."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import MAX_NAME_LENGTH
from balchat_host.api.types import PeerId
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import check_name, clean_name, made_up_name, name_key, search_key

PEERS = st.binary(min_size=32, max_size=32).map(PeerId)
DAVE = PeerId(bytes(range(100, 132)))
ADDRESS = DAVE.onion.removesuffix(".onion")
DIGITS = DAVE.octets.hex()


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


def apart(text: str, size: int, between: str) -> str:
    return between.join(text[at : at + size] for at in range(0, len(text), size))


SPELT_LIKE_A_KEY = {
    "onion": DAVE.onion,
    "bare": ADDRESS,
    "capitals": DAVE.onion.upper(),
    "chat code": f"balchat:{ADDRESS}",
    "chat code in capitals": f"BALCHAT:{ADDRESS}",
    "beginning of a chat code": "balchat:Dave",
    "full-width colon": "Balchat\uff1aDave",
    "digits": DIGITS,
    "digits in capitals": DIGITS.upper(),
    "full width": full_width(ADDRESS),
    "Cyrillic": ADDRESS.translate(str.maketrans("aeopcyxis", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455")),
    "Greek": ADDRESS.upper().translate(
        str.maketrans("AEOHKMNTXZ", "\u0391\u0395\u039f\u0397\u039a\u039c\u039d\u03a4\u03a7\u0396")
    ),
    "small capitals": ADDRESS.translate(str.maketrans("aeo", "\u1d00\u1d07\u1d0f")),
    "mathematical": "".join(chr(0x1D41A + ord(each) - 97) if each.isalpha() else each for each in ADDRESS),
    "regional indicators": "".join(chr(0x1F1E6 + ord(each) - 97) if each.isalpha() else each for each in ADDRESS),
    "zeros, ones and bars": ADDRESS.replace("o", "0").replace("l", "I"),
    "digits as letters": DIGITS.replace("0", "O").replace("1", "l"),
    "accents": "\u0301".join(ADDRESS[:28]) + ADDRESS[28:],
    "spaces": apart(ADDRESS, 8, " "),
    "no-break spaces": apart(ADDRESS, 10, "\u00a0"),
    "hyphens": apart(ADDRESS, 10, "-"),
    "dots": apart(ADDRESS, 12, "."),
    "digits apart": apart(DIGITS, 64, " "),
    "joiners": "\u200d".join(ADDRESS),
    "zero-width spaces": "\u200b".join(ADDRESS),
    "soft hyphens": "\u00ad".join(DAVE.onion),
    "fillers": apart(ADDRESS, 20, "\u3164"),
    "one missing": ADDRESS[:-1],
    "two missing": ADDRESS[2:],
    "one mistyped": "x" + ADDRESS[1:],
    "with a name": f"Dave {ADDRESS}",
}
NAMES = [
    "Alice",
    "O'Brien",
    "Jos\u00e9 \u00d1u\u00f1ez",
    "Do\u00f1a Mar\u00eda del Rosario Cayetana Alfonsa Victoria Eugenia",
    "Klasse 4b, Grundschule am Kirchberg",
    "\u0411\u0430\u043b\u0430\u043a\u0438\u0440\u0435\u0432 \u041c\u0438\u043b\u0438\u0439",
    "x" * MAX_NAME_LENGTH,
    "\u3072\u3089\u304c\u306a" * 16,
    "Nguy\u1ec5n Th\u1ecb \u00c1nh",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "\u0e2a\u0e21\u0e0a\u0e32\u0e22",
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian: Alireza
    "\u0915\u094d\u200d\u0937",  # Devanagari, a half form
    "\u0d2a\u0d4d\u0d30\u0d35\u0d40\u0d23\u0d4d\u200d",  # Malayalam: Praveen, with a joiner at the end
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala: Shri
    "\u1820\u180b\u180e\u1820",  # Mongolian
    "\u845b\U000e0100\u57ce",  # a form of a kanji
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 Family",
    "\U0001f469\U0001f3fd\u200d\U0001f680",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f3f3\ufe0f\u200d\u26a7\ufe0f Sam",
    "\U0001f642\u200d\u2194\ufe0f",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f1e9\U0001f1ea J\u00f6rg",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Hamish",
    "#\ufe0f\u20e3",
    "\U0001fae9 Ann",  # Unicode 16
    "\U0001faea\u200d\U0001faea",  # Unicode 17
    "\U00010d6f",  # Garay, Unicode 16
    "100 %",
    "Balchat Team",
]
HIDING = {
    "override": "Bob\u202egnp",
    "isolate": "Bob\u2067",
    "mark": "Bob\u200e",
    "zero-width space": "Bo\u200bb",
    "joiner in Latin": "Bo\u200db",
    "joiner at the end": "\u0639\u0644\u06cc\u200c",
    "joiner behind an emoji": "\U0001f469\u200d Bob",
    "two joiners": "\u0639\u200c\u200c\u0644",
    "selector": "Bob\ufe0f",
    "selector of a digit": "7\ufe0f",
    "tags": "Bob\U000e0041",
    "half a flag": "\U0001f3f4\U000e0067\U000e0062 Bob",
    "soft hyphen": "Bo\u00adb",
    "byte-order mark": "\ufeffBob",
    "filler": "Bob\u3164",
    "braille blank": "B\u2800ob",
    "escape": "Bob\x1b[2J",
    "C1": "Bob\x9b2J",
    "line break": "Bob\nAlice",
    "tab": "Bob\tAlice",
    "line separator": "Bob\u2028Alice",
    "paragraph separator": "Bob\u2029Alice",
    "private use": "\ue000",
    "surrogate": "\ud800",
    "noncharacter": "\U0001ffff",
    "unassigned and not to be seen": "Bob\u2065",
    "mark at the beginning": "\u0301Bob",
    "mark of a space": "Bob \u0301",
    "many marks": "B" + 5 * "\u0336" + "ob",
    "percent escape": "Bob%41",
}


@pytest.mark.parametrize("spelling", SPELT_LIKE_A_KEY.values(), ids=SPELT_LIKE_A_KEY)
def test_a_name_that_is_spelt_like_a_key_is_refused_and_a_strangers_is_replaced(spelling: str) -> None:
    assert is_spelt_like_a_key(spelling)
    with pytest.raises(BadInput):
        check_name(spelling)
    assert not clean_name(spelling)


@given(PEERS, st.sampled_from([str, str.upper, full_width, "\u2060".join]))
def test_every_key_is_known_by_its_spelling(peer: PeerId, changed: Callable[[str], str]) -> None:
    for spelling in (peer.onion, peer.onion.removesuffix(".onion"), peer.octets.hex()):
        assert is_spelt_like_a_key(changed(spelling))


@given(PEERS)
def test_a_made_up_name_is_a_name(peer: PeerId) -> None:
    for length in range(8, 40):
        name = made_up_name(peer, length)
        assert check_name(name) == clean_name(name) == name


@pytest.mark.parametrize("name", NAMES)
def test_names_of_real_people_are_kept_as_they_are(name: str) -> None:
    assert check_name(name) == clean_name(name) == name
    assert check_name(f"  {name}\n") == name


@pytest.mark.parametrize("name", HIDING.values(), ids=HIDING)
def test_what_hides_or_moves_something_is_refused_and_left_out_of_a_strangers_name(name: str) -> None:
    with pytest.raises(BadInput):
        check_name(name)
    cleaned = clean_name(name)
    assert cleaned != name
    assert cleaned == "" or check_name(cleaned) == cleaned


@pytest.mark.parametrize("name", ["", " ", "\u3000\n", "x" * (MAX_NAME_LENGTH + 1)])
def test_an_empty_or_long_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        check_name(name)


def test_a_name_has_one_spelling() -> None:
    assert check_name(" Rene\u0301 \u00a0 B.\u3000C. ") == "Ren\u00e9 B. C."
    assert clean_name("Bob\x1b[2J\u202egnp\u200b\n  x") == "Bob[2Jgnp x"
    assert clean_name("x" * 100) == "x" * MAX_NAME_LENGTH
    assert clean_name("x" * 63 + "\U0001f469\u200d\U0001f680") == "x" * 63 + "\U0001f469"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe", "STRASSE"),
        ("\u1e9e", "ss"),
        ("\u00c9mile", "\u00e9mile"),
        ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
        ("\u0390", "\u1fd3"),
        ("\ufb00", "ff"),
    ],
)
def test_names_that_fold_to_the_same_are_the_same(one: str, other: str) -> None:
    assert name_key(check_name(one)) == name_key(check_name(other)) == search_key(other)


def test_what_cannot_be_seen_does_not_count_in_a_search() -> None:
    assert search_key(" bo\u200bb\u200e\n") == name_key("Bob")


@pytest.mark.fuzz
@given(
    st.text()
    | st.text(
        "ab \u0301\u0323\u200c\u200d\ufe0f\U0001f469\U0001f3f4\U000e0067\U000e007f%4\u0639\u094d\u1161\u1100",
        max_size=12,
    )
)
def test_a_strangers_name_comes_out_as_one_that_we_could_have_chosen(text: str) -> None:
    name = clean_name(text)
    assert name == "" or check_name(name) == name
    assert unicodedata.normalize("NFC", name) == name
    assert clean_name(name) == name
