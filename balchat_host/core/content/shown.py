"""What of a message's parts is shown: the one place that chooses among them (draft-ietf-mimi-content-08).

Text and markdown are understood. Of parts to choose from, the first that is understood is taken; parts that are a unit
are shown where all of them are understood; of the others, as many as are. What is not understood is shown by its type.
A preview in a unit with a file belongs to the file, and is shown with it.
"""

from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import MalformedContent
from balchat_host.core.content.parts import (
    Disposition,
    ExternalPart,
    MultiPart,
    NestedPart,
    NullPart,
    Semantics,
    SinglePart,
)

TEXT: Final = "text/plain;charset=utf-8"
MARKDOWN: Final = "text/markdown;variant=GFM-MIMI"

_NOTHING: Final = "null"
_EXTERNAL: Final = "message/external-body"
_SEVERAL: Final = "multipart/mixed"
_BETWEEN: Final = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of a message: `text` of the type `content_type`, or the type alone where there is no text."""

    content_type: str
    text: str | None


def shown(part: NestedPart) -> Shown:
    """Return what is shown. Raise MalformedContent where something claims to be text and is none."""
    each = _each(part)
    if len(each) == 1:
        return each[0]
    texts = [one.text for one in each if one.text is not None]
    return Shown(content_type=_SEVERAL, text=_BETWEEN.join(texts) if texts else None)


def reactions(part: NestedPart) -> list[str] | None:
    """Return the texts of a part that is for reacting, each a reaction of its own, or None where it is for more."""
    match part:
        case SinglePart(disposition=Disposition.REACTION) if is_text(part.content_type):
            return [_decoded(part.content)]
        case MultiPart(disposition=Disposition.REACTION, semantics=Semantics.PROCESS_ALL):
            each = [reactions(one) if isinstance(one, SinglePart) else None for one in part.parts]
            return None if None in each else [text for texts in each if texts is not None for text in texts]
        case _:
            return None


def is_text(content_type: str) -> bool:
    """Return whether content of a type is shown as text."""
    return _base(content_type) in ("text/plain", "text/markdown")


def is_markdown(content_type: str) -> bool:
    """Return whether text of a type has links and emphasis in it."""
    return _base(content_type) == "text/markdown"


def _base(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _each(part: NestedPart) -> list[Shown]:
    """Return what is shown, one after the other."""
    match part:
        case MultiPart(semantics=Semantics.CHOOSE_ONE):
            return _each(next((each for each in part.parts if _understood(each)), part.parts[0]))
        case MultiPart(
            semantics=Semantics.SINGLE_UNIT,
            parts=(SinglePart(disposition=Disposition.PREVIEW), ExternalPart() as file),
        ):
            return _each(file)
        case MultiPart(semantics=Semantics.SINGLE_UNIT) if not _understood(part):
            return [Shown(content_type=_SEVERAL, text=None)]
        case MultiPart():
            return [one for each in part.parts for one in _each(each)]
        case NullPart():
            return [Shown(content_type=_NOTHING, text=None)]
        case ExternalPart():
            return [Shown(content_type=_EXTERNAL, text=None)]
        case SinglePart():
            text = _decoded(part.content) if is_text(part.content_type) else None
            return [Shown(content_type=part.content_type, text=text)]


def _understood(part: NestedPart) -> bool:
    match part:
        case MultiPart(semantics=Semantics.SINGLE_UNIT):
            return all(_understood(each) for each in part.parts)
        case MultiPart():
            return any(_understood(each) for each in part.parts)
        case SinglePart():
            return is_text(part.content_type)
        case _:
            return False


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise MalformedContent(problem="a text is not UTF-8") from error
