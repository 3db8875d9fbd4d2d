"""Write the reference part of docs/rpc.md: methods, values, events and errors, as the code has them.

The example lines are what a server really said, about an account that `balchat_host.testing` makes up. A test compares
the page with what this writes; run it after changing the contract.
"""

from __future__ import annotations

import hashlib
import json
import re
import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from inspect import Parameter, cleandoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

import anyio
from balchat_common.unix_sockets import UnixStream
from balchat_ui_rpc.endpoint import reach
from balchat_ui_rpc.lines import LineReader
from balchat_ui_rpc.server import RpcServer
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api import ephemeral, errors
from balchat_host.api.ephemeral import Ephemeral, ephemeral_types
from balchat_host.api.events import Event, event_types
from balchat_host.api.frontend import FrontEndContext, Settings
from balchat_host.api.rpc.description import METHODS, Method
from balchat_host.api.rpc.protocol import error_object
from balchat_host.api.types import PeerId, Secret
from balchat_host.core.safety import safety_number
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parent.parent / "docs" / "rpc.md"
BEGIN, END = "<!-- written by scripts/rpc_reference.py from here -->\n", "<!-- to here -->\n"
# Of the others that a process may know, some are a plugin's or a test's own.
ERRORS = [kind for kind in errors.type_registry.values() if kind.__module__ == errors.__name__]
SHORT = 8
"""Characters of the beginnings that stand for ids and addresses in the examples."""
SECTIONS: dict[Any, str] = {Event: "[events](#events)", Ephemeral: "[ephemeral states](#ephemeral-states)"}
SIMPLE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    bytes: "octets behind the line",
    object: "any value",
    type(None): "null",
}


# -- examples


class Examples:
    """The account of the examples, the people in them, and what stands for the keys that are others in each run."""

    def __init__(self) -> None:
        self.alice = MemoryAccount("Alice", process_id=4242)
        self.bob = self.alice.befriend("Bob")
        self.failed = self.alice.write(self.bob.core, "Hello?")
        self.bob.refuse("storage-full")
        self.question = self.bob.write("Are you there?")
        self.picture = self.bob.offer("harbour.jpg", b"not much of a picture", "The harbour.")
        carol, mallory, eve, self.dave = (self.alice.stranger(name) for name in ("Carol", "Mallory", "Eve", "Dave"))
        carol.ask("We met in Oslo.")
        mallory.ask("Cheap watches!")
        eve.ask("Cheaper watches!")
        self.alice.app.account.backup = _no_backup
        self._stand_ins = {self.question.id[:SHORT]: _digest("question")[:SHORT]}
        for each in (self.alice, self.bob.core, carol.core, mallory.core, eve.core, self.dave.core):
            stand_in = made_up_peer(each.name)
            self._stand_ins[each.peer.octets.hex()] = stand_in.octets.hex()
            self._stand_ins[each.peer.onion] = stand_in.onion
            self._stand_ins[each.peer.onion.removesuffix(".onion")] = stand_in.onion.removesuffix(".onion")
        us, peer = self.alice.peer, self.bob.core.peer
        self.safety_number = safety_number(us, peer)
        self._stand_ins[self.safety_number] = safety_number(made_up_peer("Alice"), made_up_peer("Bob"))
        self._stand_ins[_encoded(self.alice.recovery_code)] = _encoded(Secret.from_text(_digest("old code")[:40]))

    def replace_keys(self, lines: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return the lines with the same keys, ids and codes in them each time."""
        renewed = json.loads(lines["account.renew_recovery_code"][1].removeprefix("← "))["result"]["octets"]
        self._stand_ins[renewed] = _encoded(Secret.from_text(_digest("new code")[:40]))
        for found in re.findall("[0-9a-f]{32,}", "\n".join(line for some in lines.values() for line in some)):
            self._stand_ins.setdefault(found, _digest(f"id {len(self._stand_ins)}")[: len(found)])
        self._stand_ins[self.question.id] = _digest("question")[: len(self.question.id)]
        words = re.compile("|".join(sorted(map(re.escape, self._stand_ins), key=len, reverse=True)))
        return {
            name: [words.sub(lambda match: self._stand_ins[match[0]], line) for line in some]
            for name, some in lines.items()
        }


async def _no_backup(target: str) -> None:
    """Write none."""


def made_up_peer(name: str) -> PeerId:
    """Return a peer id that is the same for a name in each run."""
    return PeerId(hashlib.sha256(name.encode()).digest())


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _encoded(secret: Secret) -> str:
    return json.loads(METHODS["account.renew_recovery_code"].codec.encode(secret))["octets"]


class Transcript:
    """A connection that notes what goes over it."""

    def __init__(self, stream: UnixStream) -> None:
        self.lines: list[str] = []
        self._stream = stream
        self._reader = LineReader(stream, 2**20)
        self._number = 0

    async def say(
        self, method: str, params: dict[str, Any], *, notify: bool = False, octets: bytes | None = None
    ) -> int:
        """Send a request, and the octets that follow it; return its id."""
        self._number += not notify
        request = {"jsonrpc": "2.0"} | ({} if notify else {"id": self._number}) | {"method": method}
        request |= {"params": params} if params else {}
        request |= {} if octets is None else {"octets": len(octets)}
        line = json.dumps(request, ensure_ascii=False)
        self.lines.append(f"→ {line}")
        if octets is not None:
            self.lines.append(f"→ {octets.decode().rstrip()}")
        await self._stream.send(line.encode() + b"\n" + (octets or b""))
        return self._number

    async def hear(self, count: int = 1) -> Any:
        """Take so many lines; return what the last one says."""
        line = b""
        for _ in range(count):
            line = await self._reader.read() or b""
            self.lines.append(f"← {json.dumps(json.loads(line), ensure_ascii=False)}")
            if "octets" in json.loads(line):
                octets = await self._reader.read_octets(json.loads(line)["octets"]) or b""
                self.lines.append(f"← {octets.decode().rstrip()}")
        return json.loads(line)

    def cut(self) -> list[str]:
        """Return what was noted since the last time."""
        lines, self.lines = self.lines, []
        return lines


async def record() -> dict[str, list[str]]:
    """Call every method once; return what went over the socket, by method."""
    examples = Examples()
    alice, question = examples.alice, examples.question
    passphrase, code = ({"octets": _encoded(secret)} for secret in (alice.passphrase, alice.recovery_code))
    relay = made_up_peer("relay").onion
    calls: dict[str, dict[str, Any]] = {
        "hello": {},
        "capabilities": {},
        "account.code": {},
        "status.get": {},
        "account.verify_passphrase": {"passphrase": passphrase},
        "account.change_passphrase": {"old": code, "new": passphrase},
        "account.renew_recovery_code": {"passphrase": passphrase},
        "account.backup": {"target": "/media/stick/alice.backup"},
        "contacts.add": {"code": examples.dave.code, "introduction": "It is me, Alice."},
        "contacts.list": {},
        "contacts.get": {"contact": "bob"},
        "contacts.info": {"contact": "Bob"},
        "contacts.renew": {"contact": "Bob"},
        "contacts.rename": {"contact": "Dave", "name": "David"},
        "contacts.safety_number": {"contact": "Bob"},
        "contacts.verify": {"contact": "Bob", "safety_number": examples.safety_number},
        "contacts.block": {"contact": "David"},
        "contacts.unblock": {"contact": "David"},
        "contacts.remove": {"contact": "David"},
        "requests.list": {},
        "requests.accept": {"request": "Carol"},
        "requests.reject": {"request": "Mallory"},
        "requests.block": {"request": "Eve"},
        "relays.add": {"address": f"balchat-relay:{relay.removesuffix('.onion')}"},
        "relays.list": {},
        "relays.check": {"relay": relay},
        "relays.set_default": {"relay": relay[:SHORT]},
        "relays.remove": {"relay": relay},
        "conversations.list": {},
        "conversations.get": {"conversation": "me"},
        "conversations.draft": {"conversation": "me", "text": "Milk, and"},
        "conversations.mute": {"conversation": "Bob", "until": 1_900_000_000_000},
        "conversations.unmute": {"conversation": "Bob"},
        "conversations.archive": {"conversation": "me"},
        "conversations.unarchive": {"conversation": "me"},
        "conversations.set_timer": {"conversation": "Bob", "seconds": 604_800},
        "messages.send": {"conversation": "Bob", "text": "Yes!", "reply_to": question.id[:SHORT]},
        "messages.retry": {"message": examples.failed.id},
        "messages.edit": {"message": examples.failed.id, "text": "Hello, are you there?"},
        "messages.react": {"message": question.id, "emoji": "👍"},
        "messages.info": {"message": question.id},
        "messages.delete": {"message": examples.failed.id},
        "messages.get": {"message": question.id},
        "messages.history": {"conversation": "Bob", "limit": 2},
        "messages.search": {"words": "there"},
        "files.set_automatic": {"conversation": "Bob", "up_to": 10_000_000},
        "files.fetch": {"file": examples.picture.id},
        "files.pause": {"file": examples.picture.id},
        "files.get": {"file": examples.picture.id[:SHORT]},
        "files.list": {"conversation": "Bob"},
        "files.attach": {"name": "tides.txt", "size": 12},
        "conversations.mark_read": {"conversation": "Bob", "up_to": question.id},
        "conversations.mark_unread": {"conversation": "Bob"},
        "settings.list": {},
        "settings.get": {"key": "delivery.policy"},
        "settings.set": {"key": "delivery.read_receipts", "value": False},
        "settings.reset": {"key": "delivery.read_receipts"},
        "events.cursor": {},
        "events.acknowledge": {"subscriber": "my-bot", "cursor": 3},
        "events.attend": {"conversation": "Bob"},
        "events.attended": {},
    }
    with TemporaryDirectory(prefix="rpc-") as directory:
        context = FrontEndContext(profile=Path(directory), runtime_directory=Path(directory))
        async with anyio.create_task_group() as tasks:
            await tasks.start(RpcServer(context, RpcSettings()).run, alice.app)
            connected = await anyio.to_thread.run_sync(reach, context)
            assert connected is not None
            async with UnixStream(connected) as stream:
                recorded = await _play(Transcript(stream), calls)
            tasks.cancel_scope.cancel()
    return examples.replace_keys(recorded)


async def _play(transcript: Transcript, calls: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    recorded: dict[str, list[str]] = {}
    for name, params in calls.items():
        await transcript.say(name, params)
        answer = await transcript.hear()
        assert "result" in answer, answer
        recorded[name] = transcript.cut()

    await _play_files(transcript, recorded, calls["files.fetch"]["file"])
    stream = await transcript.say("status.watch", {})
    await transcript.hear()
    recorded["status.watch"] = transcript.cut()
    await transcript.say("cancel", {"stream": stream})
    await transcript.hear(2)
    recorded["cancel"] = transcript.cut()

    await transcript.say("settings.watch", {})
    await transcript.hear()
    recorded["settings.watch"] = transcript.cut()

    stream = await transcript.say("events.ephemeral", {})
    await transcript.hear()
    recorded["events.ephemeral"] = transcript.cut()
    await transcript.say("cancel", {"stream": stream})
    await transcript.hear(2)
    transcript.cut()

    stream = await transcript.say("events.follow", {"after": 1})
    await transcript.hear(3)
    recorded["events.follow"] = transcript.cut()
    await transcript.say("cancel", {"stream": stream}, notify=True)
    while (await transcript.hear()).get("id") != stream:
        pass
    transcript.cut()

    stream = await transcript.say("events.follow", {"after": 0, "credit": 1})
    await transcript.hear()
    await transcript.say("credit", {"stream": stream, "values": 2}, notify=True)
    await transcript.hear(2)
    recorded["credit"] = transcript.cut()

    await transcript.say("account.shut_down", {})
    await transcript.hear()
    recorded["account.shut_down"] = transcript.cut()
    return recorded


async def _play_files(transcript: Transcript, recorded: dict[str, list[str]], offered: str) -> None:
    written = json.loads(recorded["files.attach"][-1].removeprefix("← "))["result"]["id"]
    await transcript.say("files.write", {"file": written, "offset": 0}, octets=b"high: 04:12\n")
    await transcript.hear()
    recorded["files.write"] = transcript.cut()
    await transcript.say("files.read", {"file": written, "offset": 6})
    await transcript.hear(2)
    recorded["files.read"] = transcript.cut()
    await transcript.say("files.attach_voice", {"size": 96_000})
    await transcript.hear()
    recorded["files.attach_voice"] = transcript.cut()
    # What these give is octets of other libraries, which are others with the next version of them.
    for name in ("files.preview", "files.picture", "files.play"):
        await transcript.say(name, {"file": written})
        await transcript.hear()
        recorded[name] = transcript.cut()
    await transcript.say("files.remove", {"file": offered})
    await transcript.hear()
    recorded["files.remove"] = transcript.cut()


# -- words


def words(hint: Any) -> str:
    """Say what a type looks like in JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return words(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(words(each) for each in arguments)
    if origin in {list, tuple, Sequence, frozenset}:
        return f"list of {words(arguments[0])}"
    if origin is dict:
        return f"object of {words(arguments[1])} by name"
    if hint in SECTIONS:
        return SECTIONS[hint]
    return SIMPLE[hint] if hint in SIMPLE else f"[`{hint.__name__}`](#{hint.__name__.lower()})"


def named_types(hints: Iterable[Any]) -> Iterator[type]:
    """Return every class that types are made of, each once, those that they are made of after them."""
    seen: set[type] = set()
    left = list(hints)
    while left:
        hint = left.pop(0)
        left[:0] = get_args(hint)
        if isinstance(hint, type) and hint not in seen and (is_dataclass(hint) or issubclass(hint, Enum)):
            seen.add(hint)
            left += [] if issubclass(hint, Enum) else field_types(hint).values()
            yield hint


def field_types(kind: type) -> dict[str, Any]:
    """Return the fields of a dataclass with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind) if get_origin(hints[field.name]) is not ClassVar}


def text_of(documented: Any) -> str:
    """Return a docstring as paragraphs, in the words of the socket instead of Python's."""
    paragraphs = (" ".join(part.split()) for part in cleandoc(documented.__doc__ or "").split("\n\n"))
    text = "\n\n".join(paragraphs).replace("None", "null")
    for kind in ERRORS:
        text = re.sub(rf"\b{kind.__name__}\b", f"`{kind.code}`", text)
    return text


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Lay out a table; nothing where it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines]) + "\n\n" if lines else ""


# -- sections


def owner_section(owner: type, examples: dict[str, list[str]]) -> str:
    """Describe an area with its methods; the connection and the App have no area."""
    methods = [method for method in METHODS.values() if method.owner is owner]
    head = f"`{methods[0].area}`" if methods[0].area else owner.__name__
    return f"### {head}\n\n{text_of(owner)}\n\n" + "".join(
        method_section(method, examples[method.name]) for method in methods
    )


def method_section(method: Method, example: list[str]) -> str:
    """Describe one method."""
    hints: dict[str | None, Any] = {**get_type_hints(method.parameters, include_extras=True), method.octets: bytes}
    rows = [(f"`{name}`", words(hints[name]), _default(parameter)) for name, parameter in method.takes.items()]
    if method.streams:
        rows.append(("`credit`", words(hints["credit"]), "null: as many as you read"))
    parameters = table(("parameter", "type", "without it"), rows) or "No parameters.\n\n"
    gives = f"{'A stream of' if method.streams else 'Result:'} {words(method.result)}."
    block = "\n".join(_shortened(line) if method.owner is Settings else line for line in example)
    text = text_of(getattr(method.owner, method.attribute))
    return f"#### `{method.name}`\n\n{text}\n\n{parameters}{gives}\n\n```text\n{block}\n```\n\n"


def _shortened(line: str) -> str:
    """Return a line of which lists of settings show the first alone: they are long, and all alike."""
    return re.sub(r"(\[\{\"key\".*?\})(, \{.*\})\]", r"\1, …]", line)


def _default(parameter: Parameter) -> str:
    return "refused" if parameter.default is Parameter.empty else json.dumps(parameter.default)


def type_section(kind: type) -> str:
    """Describe one kind of value."""
    head = f"### `{kind.__name__}`\n\n{text_of(kind)}\n\n"
    if issubclass(kind, Enum):
        return f"{head}One of {', '.join(f'`{member.value}`' for member in kind)}.\n\n"
    if kind is Secret:
        text = "A passphrase or a recovery code. The octets are those of its UTF-8 text."
        return f"### `Secret`\n\n{text}\n\n{fields_table(kind)}"
    return head + fields_table(kind)


def fields_table(kind: type, but_for: Iterable[str] = ()) -> str:
    """Lay out the fields of a dataclass."""
    shown = {name: hint for name, hint in field_types(kind).items() if name not in but_for}
    return table(("field", "type"), ((f"`{name}`", words(hint)) for name, hint in shown.items()))


def tagged_section(kind: Any, base: type) -> str:
    """Describe one kind of event, or of what is ephemeral."""
    return f"### `{kind.type}`\n\n{text_of(kind)}\n\n{fields_table(kind, but_for=field_types(base))}"


def error_rows() -> Iterator[tuple[str, str, str]]:
    """Describe every error."""
    for kind in sorted(ERRORS, key=lambda kind: kind.code):
        yield f"`{kind.code}`", str(error_object(kind()).code), text_of(kind).replace("|", "\\|")


def reference() -> str:
    """Return the whole reference."""
    examples = anyio.run(record)
    hints = [method.result for method in METHODS.values()]
    hints += [hint for kind in event_types.values() for hint in field_types(kind).values()]
    kinds = [kind for kind in named_types([*hints, Secret]) if kind not in SECTIONS]
    return "".join(
        (
            "## Methods\n\n",
            *(owner_section(owner, examples) for owner in dict.fromkeys(each.owner for each in METHODS.values())),
            "## Values\n\n",
            *(type_section(kind) for kind in kinds),
            "## Events\n\n",
            f"{text_of(Event)} Each has `type`, `cursor`, `at`, and these:\n\n",
            *(tagged_section(kind, Event) for kind in event_types.values()),
            "## Ephemeral states\n\n",
            f"{text_of(ephemeral)}\n\nEach has `type`, and these:\n\n",
            *(tagged_section(kind, Ephemeral) for kind in ephemeral_types.values()),
            "## Errors\n\n",
            table(("`data.code`", "`code`", "message"), error_rows()),
        )
    )


def page(text: str) -> str:
    """Return a page with the reference in its place."""
    before, after = text.split(BEGIN, maxsplit=1)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
