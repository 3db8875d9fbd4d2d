"""Runs commands with standard streams of every kind, each in a process of its own that is forked from this one.

Reads a request a line, `{"folder", "arguments", "streams"}`, and answers each with `{"code", "out", "err"}`. `streams`
names what standard input, output and error are: `pipe`, `closed`, `full`, or `gone` for a pipe that nobody reads.
"""

import asyncio.subprocess  # noqa: F401  # what every command needs is loaded once
import gc
import json
import os
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import anyio
import segno.encoder  # noqa: F401  # as above
from balchat_ui_cli.program import main

from balchat_host.api.frontend import PluginView
from balchat_host.api.streams import prepare_standard_streams
from balchat_host.api.types import Check
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.memory_profiles import MemoryProfiles


def world(folder: Path, command: str) -> MemoryProfiles:
    """Make an account with a contact, a message, a request and a relay, which is running unless a command starts it."""
    host = MemoryProfiles(folder)
    if command == "restore":
        host.profile("old").make()
    if command in {"init", "restore"}:
        return host
    host.verdicts = [Check(name="settings", finding="can be made")]
    profile = host.profile()
    alice = profile.make()
    profile.running = command != "up"
    bob = alice.befriend("Bob")
    bob.write("hello")
    if command in {"edit", "delete"}:
        anyio.run(alice.app.messages.send, "Bob", "mine")
    if command == "retry":
        anyio.run(alice.app.messages.send, "Bob", "not taken")
        bob.refuse("busy")
    if command.startswith("files"):
        offered = bob.offer("tides.txt", b"high: 04:12")
        anyio.run(alice.app.files.fetch, offered.id)
        if command == "files get":
            bob.hand_over(offered.id)
    alice.stranger("Dave").ask()
    alice.relays.use(nobody(5).onion)
    profile.plugin_views = [
        PluginView(
            name="network_memory",
            kind="network",
            summary="",
            distribution="fake",
            version="1",
            api_version=1,
            enabled=True,
        )
    ]
    profile.files = [folder / "balchat.toml"]
    profile.findings = [Check(name="tor", finding="there")]
    alice.ended = command == "up"
    return host


def safety_number(host: MemoryProfiles) -> str:
    """Return the safety number of Alice and Bob."""
    return anyio.run(host.profile().account.app.contacts.safety_number, "Bob").safety_number


def last_message(host: MemoryProfiles) -> str:
    """Return the id of the last message of Alice and Bob."""
    return anyio.run(host.profile().account.app.messages.history, "Bob")[-1].id


def file(host: MemoryProfiles) -> str:
    """Return the id of the file that Bob offered."""
    return anyio.run(host.profile().account.app.files.list)[0].id


def prepare(kind: str, descriptor: int, scratch: int) -> None:
    """Make a standard stream of the kind that is wanted."""
    if kind == "pipe":
        os.dup2(scratch, descriptor)
    elif kind == "full":
        os.dup2(os.open("/dev/full", os.O_RDWR), descriptor)
    elif kind == "gone":
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, descriptor)
    else:
        os.close(descriptor)


def child(request: dict[str, object], scratch: list[int]) -> None:
    arguments: list[str] = request["arguments"]
    kept = os.fdopen(os.dup(scratch[2]), "w")
    code = 99
    try:
        host = world(Path(request["folder"]), " ".join(arguments[:2]) if arguments[0] == "files" else arguments[0])
        looked_up = {"NUMBER": safety_number, "LAST": last_message, "FILE": file}
        arguments = [looked_up[each](host) if each in looked_up else each for each in arguments]
        for descriptor, kind in enumerate(request["streams"]):
            prepare(kind, descriptor, scratch[descriptor])
            if kind == "closed":
                setattr(sys, ("stdin", "stdout", "stderr")[descriptor], None)
        prepare_standard_streams()
        code = main(host, arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001  # whatever it is, the test shows it
        traceback.print_exc(file=kept)
        kept.flush()
    os._exit(code)


def serve() -> None:
    # What the first command of a process prepares is there for all of them.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        main(world(Path(folder), "send"), ["send", "Bob", "hello", "--json"])
        main(world(Path(folder), "code"), ["code", "--qr"])
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path("/dev/null").open("rb") as nothing:
            process = os.fork()
            if process == 0:
                child(request, [nothing.fileno(), out.fileno(), err.fileno()])
            _, status = os.waitpid(process, 0)
            out.seek(0)
            err.seek(0)
            answer = {
                "code": os.waitstatus_to_exitcode(status),
                "out": out.read().decode(),
                "err": err.read().decode(),
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
