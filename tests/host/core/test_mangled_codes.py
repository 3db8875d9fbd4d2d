"""What mail, chat programs and QR readers do to a chat code: it comes out whole, or as an error."""

import html
import quopri
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from balchat_common.ed25519 import is_of_small_order
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadChatCode
from balchat_host.api.types import PeerId
from balchat_host.core.chat_codes import MAX_RELAYS, ChatCode
from balchat_host.core.names import clean_name

PEERS = st.binary(min_size=32, max_size=32).filter(lambda key: not is_of_small_order(key)).map(PeerId)
NAMES = st.sampled_from(
    ["Alice", "A&B", "100%", "3DPrinter", "+1", "(x)", "J\u00f6rg M.", "\U0001f3f3\ufe0f\u200d\U0001f308"]
)
NAMES |= st.text(max_size=20)
Mangling = Callable[[str], str]


@st.composite
def codes(draw: st.DrawFn) -> ChatCode:
    relays = draw(st.lists(PEERS, unique=True, max_size=MAX_RELAYS))
    name = clean_name(draw(NAMES)) or None
    return ChatCode(peer=draw(PEERS), name=name, relays=tuple(relays))


def wrapped(size: int, between: str) -> Mangling:
    return lambda code: between.join(code[at : at + size] for at in range(0, len(code), size))


def full_width(code: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in code)


def safe_link(code: str) -> str:
    return f"https://links.example/?url={quote(code, safe='')}&data=05%7C01&reserved=0"


TAKEN_WHOLE: dict[str, Mangling] = {
    "scheme in capitals": lambda code: code.replace("balchat:", "BALCHAT:"),
    "sentence case": lambda code: code[0].upper() + code[1:],
    "keys in capitals": lambda code: code.replace("name=", "Name=").replace("relay=", "RELAY="),
    "html": lambda code: code.replace("&", "&amp;"),
    "html twice": lambda code: code.replace("&", "&amp;amp;"),
    "html by number": lambda code: code.replace("&", "&#38;").replace("?", "&#x3f;"),
    "link in html": lambda code: f'<a href="{html.escape(code)}">{html.escape(code)}</a>',
    "link in markdown": lambda code: f"[{code}]({code})",
    "safe link": safe_link,
    "encoded": lambda code: quote(code, safe=""),
    "encoded twice": lambda code: quote(quote(code, safe=""), safe=""),
    "encoded three times": lambda code: quote(quote(quote(code, safe=""), safe=""), safe=""),
    "percent signs encoded": lambda code: code.replace("%", "%25"),
    "colon encoded": lambda code: code.replace(":", "%3A"),
    "question mark encoded": lambda code: code.replace("?", "%3f"),
    "equals signs encoded": lambda code: code.replace("=", "%3D"),
    "letters encoded": lambda code: "".join(f"%{ord(each):02x}" for each in code[:40]) + code[40:],
    "angle brackets": "<{}>".format,
    "guillemets": "\u00ab{}\u00bb".format,
    "brackets": "({})".format,
    "quotes": '"{}"'.format,
    "curly quotes": "\u201c{}\u201d".format,
    "low quotes": "\u201e{}\u201c".format,
    "backticks": "`{}`".format,
    "stars": "**{}**".format,
    "full stop": "{}.".format,
    "comma": "{},".format,
    "exclamation mark": "{}!".format,
    "wide full stop": "{}\u3002".format,
    "byte-order mark": "\ufeff{}".format,
    "isolates": "\u2068{}\u2069".format,
    "zero-width spaces": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "word joiners": "\u2060".join,
    "no-break spaces around": "\u00a0{}\u3000".format,
    "emoji selector behind": "{}\u200e".format,
    "two slashes": lambda code: code.replace("balchat:", "balchat://").replace("?", "/?"),
    "backslashes": lambda code: re.sub("([?&=])", r"\\\1", code),
    "full-width colon": lambda code: code.replace(":", "\uff1a"),
    "full-width marks": lambda code: code.replace("?", "\uff1f").replace("&", "\uff06").replace("=", "\uff1d"),
    "quoted-printable": lambda code: quopri.encodestring(code.encode()).decode(),
    "soft line breaks": wrapped(30, "=\r\n"),
    "a sentence before it": "This is my code: {}".format,
    "tracking": lambda code: code + ("&" if "?" in code else "?") + "fbclid=IwAR0",
    "twice": "{0}\n{0}".format,
}
WHOLE_OR_REFUSED: dict[str, Mangling] = {
    "ampersands encoded": lambda code: code.replace("&", "%26"),
    "full width": full_width,
    "look-alike": lambda code: code.replace("e", "\u0435"),
    "joiners": "\u200d".join,
    "wrapped": wrapped(76, "\n"),
    "narrowly wrapped": wrapped(10, "\r\n"),
    "indented": wrapped(50, "\n    "),
    "quoted": lambda code: "> " + wrapped(40, "\n> ")(code),
    "spaces": wrapped(13, " "),
    "tabs": wrapped(40, "\t"),
    "no-break spaces": wrapped(40, "\u00a0"),
    "a sentence behind": "{} Please add me.".format,
    "a sentence on another line": "{}\n\nSee you\nBob".format,
    "a sentence with ampersand": "{} & see you".format,
    "cut, with dots": lambda code: code[:-3] + "...",
    "cut, with an ellipsis": lambda code: code[:-1] + "\u2026",
    "semicolons": lambda code: code.replace("&", ";"),
    "emoji": lambda code: code.replace(":d", "\U0001f603"),
}


def read(text: str) -> ChatCode | None:
    """Return what a mangled code says; None where it is refused."""
    try:
        return ChatCode.parse(text)
    except BadChatCode:
        return None


# Drawing a code takes longer than reading it, so each is mangled in every way.
@given(code=codes())
def test_a_mangled_code_is_taken_whole(code: ChatCode) -> None:
    for name, mangling in TAKEN_WHOLE.items():
        assert read(mangling(str(code))) == code, name


@given(code=codes())
def test_a_code_that_may_be_more_or_less_is_taken_whole_or_refused(code: ChatCode) -> None:
    for name, mangling in WHOLE_OR_REFUSED.items():
        assert read(mangling(str(code))) in {code, None}, name


@pytest.mark.fuzz
@given(codes(), st.lists(st.sampled_from([*TAKEN_WHOLE.values(), *WHOLE_OR_REFUSED.values()]), min_size=2, max_size=3))
def test_whatever_happened_to_a_code_no_relay_is_lost(code: ChatCode, manglings: list[Mangling]) -> None:
    text = str(code)
    for mangling in manglings:
        text = mangling(text)
    found = read(text)
    assert found is None or (found.peer, found.relays) == (code.peer, code.relays)


@pytest.mark.fuzz
@given(codes(), st.text(min_size=1, max_size=3), st.data())
def test_a_code_with_something_in_it_is_another_key_or_refused(code: ChatCode, noise: str, data: st.DataObject) -> None:
    text = str(code)
    at = data.draw(st.integers(0, len("balchat:") + 56))
    found = read(text[:at] + noise + text[at:])
    assert found is None or found.peer == code.peer


@pytest.mark.fuzz
@given(st.text() | st.text("balcht:?&=%0123456789abcdefDnmry \n.<>"))
def test_any_text_is_read_or_refused(text: str) -> None:
    read(text)
    read("balchat:" + text)
    read("balchat:25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid?" + text)
