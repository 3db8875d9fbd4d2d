"""Read a URI of ours, a chat code or a relay's address, after mail, chat programs and QR readers have had it.

    uri        = scheme ":" onion [ "?" key "=" value *( "&" key "=" value ) ]

Rules (docs/spec/chat-code.md, "What becomes of a code on its way")
-----
- It comes out whole, as it was written, or as an error that shows the character that does not fit. What it says is
  never passed over because of what happened to it.
- It is written in ASCII, and values in letters, digits and percent escapes: all else in it came on the way.
- Around it, anything may stand. In it, white space, line breaks, invisible characters, entities of HTML, soft line
  breaks of quoted-printable, backslashes and full-width forms are undone; percent-encoding too.
- In a value that is text nobody can tell a space that was wrapped in from one that ends the code: that is an error.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

_ONION_LENGTH: Final = 56
_ONION_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_MAX_PARAMETERS: Final = 16

_SOFT_BREAK: Final = re.compile(r"[=\uff1d][ \t]*\r?\n|%(?:25)*3[dD](?:%(?:25)*0[aAdD])+")
"""RFC 2045, section 6.7."""
_LOST: Final = re.compile("=(?:3d)?[a-z2-7]{56}", re.IGNORECASE)
_ENCODED_BREAK: Final = re.compile("%(?:25)*0[aAdD]")
"""A line that was broken before the whole was encoded: no value holds one."""
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});")
_ESCAPED: Final = re.compile(r"\\(?=[^\w\s])")
_LINE_BREAK: Final = re.compile(r"(?<![^\S\n])[^\S\n]*[\n\r\v\f\x85\u2028\u2029][\s>|]*")
"""With the marks that answers put before quoted lines."""
_INVISIBLE: Final = "[\u180e\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]"
_SKIPPED: Final = "[\\s\u180e\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]*"
"""White space, and of what cannot be seen that which names of people may hold."""
_PERCENT: Final = re.compile(r"%(?:25)*([0-9A-Fa-f]{2})")
_STILL_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_EQUALS: Final = re.compile("=|%(?:25)*3[dD]")
_TEXT_ENDS: Final = re.compile('[>"`»”“›]|</')
_UNFIT_IN_TEXT: Final = re.compile(r"[\s+=?;\\<«„‹()\[\]{}\u2026\ufffd]|%(?![0-9A-Fa-f]{2})")
_PUNCTUATION: Final = " \n.,;:!?。、()[]{}'’*_|~"


class UnreadableUri(ValueError):
    """This cannot be read; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """What a URI says. `onion` has its length and alphabet; whether it is an address is for the caller to see."""

    onion: str
    parameters: tuple[tuple[str, str], ...]

    def values(self, key: str) -> list[str]:
        """Return the values of a parameter, in order."""
        return [value for name, value in self.parameters if name == key]


def read_uri(text: str, scheme: str, *, onions: Collection[str] = (), texts: Collection[str] = ()) -> Uri:
    """Return what a URI of `scheme` says, or what a bare onion address does, wherever in a text it stands.

    `onions` and `texts` are the keys whose values are known to be onion addresses and text; others are left
    out. Raise UnreadableUri.
    """
    keys = frozenset([*onions, *texts])
    found = [_Reader(body, keys, onions).read() for body in _bodies(_undone(text, keys), scheme)]
    if any(uri != found[0] for uri in found):
        raise UnreadableUri("it holds two that differ")
    return found[0]


def _undone(text: str, keys: Collection[str]) -> str:
    """Undo what changes single characters on the way."""
    # A line may also have been broken behind the equals sign of a parameter.
    text = re.sub(rf"([?&;](?:{_any_of(keys)})=)[ \t]*\r?\n(?!=)", r"\1", text, flags=re.IGNORECASE)
    text = _ENCODED_BREAK.sub("\n", _SOFT_BREAK.sub("", text))
    while (plain := _ENTITY.sub(_unescaped, text)) != text:
        text = plain
    text = _LINE_BREAK.sub("\n", _ESCAPED.sub("", text))
    text = "".join(" " if each.isspace() and each != "\n" else each for each in text)
    hidden = {"Cf", "Cc"}
    text = "".join(each for each in text if unicodedata.category(each) not in hidden or re.fullmatch(_SKIPPED, each))
    # Between characters of ASCII, no name needs one of those that are left.
    return re.sub(f"(?<![^\\x00-\\x7f]){_INVISIBLE}+(?![^\\x00-\\x7f])", "", text)


def _unescaped(entity: re.Match[str]) -> str:
    character = html.unescape(entity[0])
    return character if len(character) == 1 else entity[0]


def _bodies(text: str, scheme: str) -> list[str]:
    """Find what stands after each `scheme:` up to the next one, or what there is without one."""
    colon = f"{_SKIPPED}({_encodable(':')})(?:{_SKIPPED}{_encodable('/')}){{0,2}}"
    spelt = rf"(?:(?<![A-Za-z0-9+.-])|(?<=%[0-9A-Fa-f]{{2}})){_SKIPPED.join(map(_encodable, scheme))}{colon}"
    found = list(re.finditer(spelt, _ascii(text), re.IGNORECASE))
    if found:
        # A name may be spelt like a code, too: in it, the colon is encoded once more.
        found = [each for each in found if _level(each[1]) == _level(found[0][1])]
        ends = [*(each.start() for each in found[1:]), len(text)]
        return [text[each.end() : end] for each, end in zip(found, ends, strict=True)]
    bare = text.lstrip(f'{_PUNCTUATION}<>"`«“„‹')
    other = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)", _ascii(bare))
    if other:
        raise UnreadableUri(f"it begins with {other[0][:20]!r}, not with '{scheme}:'")
    return [bare]


def _encodable(character: str) -> str:
    """Return a pattern for a character, percent-encoded or not."""
    octets = "|".join(sorted({f"{ord(each):02X}" for each in (character.lower(), character.upper())}))
    return f"(?:{re.escape(character)}|%(?:25)*(?:{octets}))"


def _level(spelling: str) -> int:
    """Return how often a character that was spelt so is percent-encoded."""
    return len(spelling) // 2


def _ascii(text: str) -> str:
    """Return a text of the same length in which full-width and small forms, and dashes, are those of ASCII."""
    return text if text.isascii() else "".join(map(_ascii_character, text))


@lru_cache(maxsize=1024)  # a code has few characters that are not of ASCII, or many of a kind
def _ascii_character(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character) == "Pd":
        return "-"
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and plain.isascii() else character


class _Reader:
    """Reads the text after a scheme's colon."""

    def __init__(self, body: str, keys: Collection[str], onions: Collection[str]) -> None:
        self._body = body
        self._keys = keys
        self._onions = onions
        # What must not be passed over: a known key with a value, or an address.
        address = "(?<![a-z0-9])[a-z2-7]{56}(?![a-z0-9])"
        begins = "(?:(?<![a-z])|(?<=%[0-9a-f]{2}))"
        parameter = rf"{begins}(?:{_any_of(keys)})\s*{_encodable('=')}"
        self._missed = re.compile(f"{parameter}|{address}", re.IGNORECASE)
        self._missed_in_text = re.compile(rf"[&?;](?:{_any_of(onions)})=[a-z2-7]{{56}}", re.IGNORECASE)

    def read(self) -> Uri:
        onion, rest, level = _read_onion(self._body)
        if level is None:
            self._pass_over(rest)
            return Uri(onion=onion, parameters=())
        pieces = _pieces(rest, level)
        if len(pieces) > _MAX_PARAMETERS:
            raise UnreadableUri(f"it has more than {_MAX_PARAMETERS} parameters")
        read = [self._parameter(piece, last=piece is pieces[-1]) for piece in pieces]
        return Uri(onion=onion, parameters=tuple(each for each in read if each is not None))

    def _parameter(self, piece: str, *, last: bool) -> tuple[str, str] | None:
        name, value = _split(piece, _EQUALS)
        key = re.sub(_SKIPPED, "", _ascii(_decoded(name))).lower()
        if value is None:
            raise UnreadableUri(f"what follows the question mark cannot be read: {_shown(key)} has no value")
        for wrong in re.finditer(r"[^a-z0-9_.\[\]-]", key):
            raise UnreadableUri(f"{_shown(wrong[0])} does not fit in the name of a parameter, {key[:20]!r}")
        if key in self._onions:
            return key, self._onion(key, value)
        if key in self._keys:
            return key, self._text(key, value, last=last)
        # The name of a parameter may have been broken: what is known must not get into one that is not.
        self._check_text(value)
        _refuse(_LOST, _squeezed(value))
        return None

    def _onion(self, key: str, value: str) -> str:
        try:
            try:
                onion, rest, _ = _read_onion(value)
            except UnreadableUri:
                # An equals sign is "=3D" in quoted-printable, and an address may begin so as well.
                if value[:2].upper() != "3D":
                    raise
                onion, rest, _ = _read_onion(value[2:])
        except UnreadableUri as error:
            raise UnreadableUri(f"the {key} that it names is none: {error}") from None
        self._pass_over(rest)
        return onion

    def _text(self, key: str, value: str, *, last: bool) -> str:
        if (plain := re.sub(_INVISIBLE, "", value)).isascii():
            value = plain
        value = value.removeprefix("3D")
        ended = _TEXT_ENDS.search(value)
        if last or ended:
            # A sentence may go on, of which only punctuation can be told from the value.
            kept = (value[: ended.start()] if ended else value).rstrip(_PUNCTUATION)
            self._pass_over(value[len(kept) :])
            if value and not kept:
                raise UnreadableUri(f"{_shown(value[0])} does not fit in its {key}")
        else:
            kept = value.replace("\n", "")
        for wrong in _UNFIT_IN_TEXT.finditer(kept):
            raise UnreadableUri(f"{_shown(wrong[0])} does not fit in its {key}, after {kept[: wrong.start()][-20:]!r}")
        for each in kept:
            if each != _ascii_character(each):
                raise UnreadableUri(f"{_shown(each)} does not fit in its {key}")
        text = kept
        while _STILL_ENCODED.search(text):
            text = _decoded(text)
        self._check_text(text)
        return text

    def _check_text(self, text: str) -> None:
        """See that no parameter of ours has got into a value, however spelt. Raise UnreadableUri."""
        _refuse(self._missed_in_text, _squeezed(text))

    def _pass_over(self, rest: str) -> None:
        """See that what is left out says nothing of ours. Raise UnreadableUri."""
        if re.match(r"\s*(?:\u2026|\.\.\.)", rest):
            raise UnreadableUri(f"{_shown(rest.strip()[0])} stands where it goes on: it was cut")
        if _ascii(rest).startswith("%"):
            raise UnreadableUri(f"{_shown(rest[:8])} does not fit where it ends")
        _refuse(self._missed, rest)


def _squeezed(text: str) -> str:
    while (decoded := unquote(re.sub(r"\s", "", text))) != text:
        text = decoded
    return text


def _refuse(missed: re.Pattern[str], rest: str) -> None:
    found = missed.search(_ascii(rest))
    if found:
        before = rest[: found.start()].strip()[-1:] or rest[:1]
        raise UnreadableUri(f"{_shown(before)} does not fit before {found[0][:20]!r}")


def _any_of(keys: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(keys))) or "(?!)"


def _read_onion(text: str) -> tuple[str, str, int | None]:
    """Read an onion address, and what follows it.

    Give with it how often the question mark that follows was percent-encoded, or None where none does.
    """
    letters = ""
    for start, end, character in _characters(text):
        if character.lower() in _ONION_ALPHABET:
            letters += character.lower()
            if len(letters) == _ONION_LENGTH:
                return letters, *_after_onion(text[end:])
        elif character in ".?/&" or not re.search(r"\w", text[start + 1 :]):
            break
        elif not character.isspace():
            where = f"{_shown(text[start:end])} as its character {len(letters) + 1}"
            raise UnreadableUri(f"it contains {where}; only a to z and 2 to 7 occur in one")
    raise UnreadableUri(f"it has {len(letters)} characters before .onion, and needs {_ONION_LENGTH}")


def _after_onion(text: str) -> tuple[str, int | None]:
    ended = re.match(rf"{_SKIPPED}\.{_SKIPPED}{_SKIPPED.join('onion')}(?!\w)", _ascii(text), re.IGNORECASE)
    rest = text[ended.end() :] if ended else text
    if not ended and (more := re.match(r"[A-Za-z0-9]+", _ascii(text))):
        raise UnreadableUri(
            f"it has {_ONION_LENGTH + len(more[0])} characters before .onion, and needs {_ONION_LENGTH}"
        )
    slash = re.match(f"{_SKIPPED}{_encodable('/')}", _ascii(rest))
    rest = rest[slash.end() :] if slash else rest
    mark = re.match(f"{_SKIPPED}({_encodable('?')})", _ascii(rest), re.IGNORECASE)
    return (rest, None) if mark is None else (rest[mark.end() :], _level(mark[1]))


def _characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Return where each character of a text begins and ends, and the character itself, percent-decoded."""
    plain, start = _ascii(text), 0
    while start < len(plain):
        escape = _PERCENT.match(plain, start)
        end = escape.end() if escape else start + 1
        if escape or not re.fullmatch(_SKIPPED, plain[start]):
            yield start, end, chr(int(escape[1], 16)) if escape else plain[start]
        start = end


def _pieces(query: str, level: int) -> list[str]:
    """Cut a query into `key=value`. What stands between them was encoded as often as the question or equals sign."""
    plain = _ascii(query)
    equals = _EQUALS.search(plain)
    level = max(level, _level(equals[0]) if equals else 0)
    parameter = rf"{_SKIPPED}\w+{_SKIPPED}{_encodable('=')}"
    between = f"&|%{'25' * (level - 1)}26(?={parameter})" if level else "&"
    starts = [0, *(each.end() for each in re.finditer(between, plain))]
    ends = [*(each.start() for each in re.finditer(between, plain)), len(plain)]
    pieces = [query[start:end] for start, end in zip(starts, ends, strict=True)]
    return [piece for piece in pieces if piece.strip(_PUNCTUATION)]


def _split(text: str, at: re.Pattern[str]) -> tuple[str, str | None]:
    found = at.search(_ascii(text))
    return (text[: found.start()], text[found.end() :]) if found else (text, None)


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        wrong = "".join(f"%{octet:02X}" for octet in error.object[error.start : error.end])
        raise UnreadableUri(f"{wrong} is half a character: it was cut or changed") from None


def _shown(text: str) -> str:
    name = unicodedata.name(text, "") if len(text) == 1 and not text.isascii() else ""
    return f"{text[:20]!r}{f' ({name})' if name else ''}"
