"""How octets may stand in a line or a file, for tests that look for what must not be there."""

from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Iterator


def spellings(octets: bytes) -> Iterator[str]:
    """Return how octets may stand in a text: as text, as Python shows them, hexadecimal, base64 and base32.

    What has no capitals in one of them may have some where it stands: `stands_in` looks for it so, too.
    """
    yield octets.hex()
    yield ", ".join(map(str, octets))
    # Whether Python writes a single quote with a backslash depends on all of what it shows, which may be more.
    plain = repr(octets)[2:-1].replace("\\'", "'")
    yield plain
    yield plain.replace("'", "\\'")
    yield from encodings(octets)
    try:
        yield octets.decode()
    except UnicodeDecodeError:
        return


def encodings(octets: bytes) -> Iterator[str]:
    """Return octets in base64 and base32, without the last character, which depends on what follows them."""
    for encoded in (b64encode(octets), urlsafe_b64encode(octets)):
        yield encoded.decode().rstrip("=")[:-1]
    yield b32encode(octets).decode().lower().rstrip("=")[:-1]


def stands_in(octets: bytes, *contents: bytes) -> bool:
    """Return whether one of the contents holds octets, as they are or in a spelling.

    What is encoded together with more before it is found where its length before is a multiple of 3 octets for base64,
    and of 5 for base32.
    """
    forms = [octets, *(spelling.encode() for spelling in spellings(octets))]
    return any(form in each for content in contents for each in (content, content.lower()) for form in forms)
