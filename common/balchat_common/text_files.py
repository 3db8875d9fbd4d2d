"""Text that a person or another program wrote into a file or a pipe, read the same way wherever that is done."""

import codecs
from typing import Final

_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Those of UTF-32 begin with the same octets, or with zeros."""


class NotText(ValueError):
    """Octets are no text in UTF-8. The message says how, as the end of a sentence that begins with "it"."""


def decoded(octets: bytes) -> str:
    """Return the text of UTF-8, without the byte-order mark that some editors begin it with. Raise NotText."""
    # Without a mark, plain letters in UTF-16 have a zero for every other octet.
    if octets.startswith(_WIDE_MARKS) or b"\0\0" in {octets[0:4:2], octets[1:4:2]}:
        raise NotText("is UTF-16 or UTF-32; save it as UTF-8")
    try:
        return octets.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise NotText(f"is not UTF-8 at octet {error.start}") from None
