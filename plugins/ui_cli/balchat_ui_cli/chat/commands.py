"""What can be typed into a chat: text, and lines that begin with a slash."""

from dataclasses import dataclass

HELP = (
    ("text, Enter", "sends it; Alt-Enter begins a new line"),
    ("/reply ID text", "answers one message; Tab completes the ID"),
    ("/react ID emoji", "answers one message with an emoji; --remove behind it takes that back"),
    ("/edit ID text", "puts another text in place of one of yours"),
    ("/delete ID", "deletes one of yours for everybody; with --for-me anybody's, here only"),
    ("/retry ID", "sends one once more that failed"),
    ("/info ID", "shows versions, who has it, and reactions"),
    ("/search WORDS", "finds messages of this conversation by their words"),
    ("/more [N]", "shows N older messages"),
    ("/help", "shows this"),
    ("/quit, Ctrl-D", "leaves; what waits goes out all the same"),
    ("↑", "on an empty line: edits your last message; Esc leaves it"),
    ("@Name", "mentions somebody who is here; Tab completes the name"),
    ("//text", "sends /text"),
    ("Ctrl-Z", "stops the chat; `fg` goes on with it"),
)
NAMES = ("/reply", "/react", "/edit", "/delete", "/retry", "/info", "/search", "/more", "/help", "/quit")
OF_MESSAGES = ("/reply", "/react", "/edit", "/delete", "/retry", "/info")
"""Those that are followed by a message's id."""
MORE = 20
_EXAMPLES = {
    "/reply": "/reply needs an ID and a text, as in: /reply 3f2a9c1e Yes, gladly.",
    "/react": "/react needs an ID and an emoji, as in: /react 3f2a9c1e 👍",
    "/edit": "/edit needs an ID and a text, as in: /edit 3f2a9c1e At seven.",
    "/delete": "/delete needs an ID, as in: /delete 3f2a9c1e, or: /delete 3f2a9c1e --for-me",
    "/retry": "/retry needs an ID, as in: /retry 3f2a9c1e",
    "/info": "/info needs an ID, as in: /info 3f2a9c1e",
    "/search": "/search needs words, as in: /search harbour",
}
MAX_MORE = 1000


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message."""

    text: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class React:
    """Answer a message with an emoji, or take that back."""

    message: str
    emoji: str
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """Put another text in place of one of ours."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one of ours for everybody, or anybody's here only."""

    message: str
    for_me: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """Send one once more that failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Info:
    """Show all that is known of a message."""

    message: str


@dataclass(frozen=True, slots=True)
class Search:
    """Find messages of this conversation."""

    words: str


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


Typed = Say | React | Edit | Delete | Retry | Info | Search | More | Help | Quit | Mistake


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
        case "/reply" | "/react" | "/edit" | "/delete" | "/retry" | "/info":
            return _of_message(name, rest)
        case "/search":
            return Search(rest.strip()) if rest.strip() else Mistake(_EXAMPLES[name])
        case "/more":
            return _more(rest.strip())
        case "/help":
            return Help()
        case "/quit":
            return Quit()
        case _:
            return Mistake(f"There is no {name}. /help shows what there is; //… sends a text that begins with a slash.")


def as_typed(text: str) -> str:
    """Return what is to be typed so that a text is sent."""
    bare = text.lstrip()
    return f"/{bare}" if bare.startswith("/") else text


def _of_message(name: str, rest: str) -> Typed:
    identifier, _, more = rest.strip().partition(" ")
    more = more.strip()
    match name:
        case "/reply" if more:
            return Say(more, identifier)
        case "/react" if emoji := more.removesuffix("--remove").strip():
            return React(identifier, emoji, remove=emoji != more)
        case "/edit" if more:
            return Edit(identifier, more)
        case "/delete" if identifier and more in {"", "--for-me"}:
            return Delete(identifier, for_me=bool(more))
        case "/retry" if identifier and not more:
            return Retry(identifier)
        case "/info" if identifier and not more:
            return Info(identifier)
        case _:
            return Mistake(_EXAMPLES[name])


def _more(count: str) -> Typed:
    if not count:
        return More()
    if count.isdecimal() and 1 <= int(count) <= MAX_MORE:
        return More(int(count))
    return Mistake(f"/more takes a number from 1 to {MAX_MORE}.")
