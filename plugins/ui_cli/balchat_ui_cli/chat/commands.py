"""What can be typed into a chat: text, and lines that begin with a slash."""

from dataclasses import dataclass

HELP = (
    ("text, Enter", "sends it; Alt-Enter begins a new line"),
    ("/reply ID text", "answers one message; Tab completes the ID"),
    ("/more [N]", "shows N older messages"),
    ("/help", "shows this"),
    ("/quit, Ctrl-D", "leaves; what waits goes out all the same"),
    ("//text", "sends /text"),
    ("Ctrl-Z", "stops the chat; `fg` goes on with it"),
)
NAMES = ("/reply", "/more", "/help", "/quit")
MORE = 20
MAX_MORE = 1000


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message."""

    text: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class More:
    """Show older messages."""

    count: int = MORE


@dataclass(frozen=True, slots=True)
class Help:
    """Show what can be typed."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Say why what was typed does nothing."""

    problem: str


Typed = Say | More | Help | Quit | Mistake


def read(line: str) -> Typed | None:
    """Understand what was typed; None where it is empty."""
    text = line.strip()
    if not text:
        return None
    if text.startswith("//"):
        return Say(text[1:])
    if not text.startswith("/"):
        return Say(text)
    name, _, rest = text.partition(" ")
    match name:
        case "/reply":
            return _reply(rest)
        case "/more":
            return _more(rest.strip())
        case "/help":
            return Help()
        case "/quit":
            return Quit()
        case _:
            return Mistake(f"There is no {name}. /help shows what there is; //… sends a text that begins with a slash.")


def _reply(rest: str) -> Typed:
    identifier, _, text = rest.strip().partition(" ")
    if not text.strip():
        return Mistake("/reply needs an ID and a text, as in: /reply 3f2a9c1e Yes, gladly.")
    return Say(text.strip(), identifier)


def _more(count: str) -> Typed:
    if not count:
        return More()
    if count.isdecimal() and 1 <= int(count) <= MAX_MORE:
        return More(int(count))
    return Mistake(f"/more takes a number from 1 to {MAX_MORE}.")
