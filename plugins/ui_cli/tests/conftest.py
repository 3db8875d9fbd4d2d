"""A command line to type into, in this process and in others."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_cli.program import main

from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount

PASSPHRASE = "correct horse battery staple"
OUTSIDE = ("BALCHAT_PROFILE", "NO_COLOR", "COLUMNS")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        [line] = self.out.splitlines()
        return json.loads(line)

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        [line] = self.err.splitlines()
        return json.loads(line)["error"]


class Cli:
    """Runs commands in this process. `unlock` gives the passphrase with each."""

    def __init__(
        self, host: MemoryProfiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.host = host
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        reading, writing = os.pipe()
        with os.fdopen(reading, "r") as stream:
            feeder = Thread(target=_feed, args=(writing, stdin))
            feeder.start()
            self._monkeypatch.setattr(sys, "stdin", stream)
            result = self._run(arguments)
        feeder.join()
        return result

    def _run(self, arguments: tuple[str, ...]) -> Result:
        self._capsys.readouterr()
        code = main(self.host, arguments)
        captured = self._capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def ok(self, *arguments: str, stdin: bytes = b"") -> Result:
        result = self(*arguments, stdin=stdin)
        assert (result.code, result.err) == (0, "")
        return result

    def printed(self) -> str:
        """What the last command printed that did not come back."""
        return self._capsys.readouterr().out

    def json(self, *arguments: str) -> Any:
        return self.ok(*arguments, "--json").json


def _feed(writing: int, octets: bytes) -> None:
    with suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
        stream.write(octets)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryProfiles:
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BALCHAT_TRACEBACK", "1")
    return MemoryProfiles(tmp_path / "profiles")


@pytest.fixture
def profile(host: MemoryProfiles) -> MemoryProfile:
    """The default profile, with an account that no process runs."""
    profile = host.profile()
    profile.make()
    return profile


@pytest.fixture
def alice(profile: MemoryProfile) -> MemoryAccount:
    """The account of the default profile, running."""
    profile.running = True
    return profile.account


@pytest.fixture
def cli(host: MemoryProfiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(host, capsys, monkeypatch)


@pytest.fixture
def key(tmp_path: Path) -> str:
    """The option that gives the passphrase of the account."""
    file = tmp_path / "passphrase"
    file.touch(0o600)
    file.write_text(f"{PASSPHRASE}\n")
    return f"--passphrase-file={file}"


@pytest.fixture
def pipe_with() -> Iterator[Any]:
    """Makes file descriptors from which some octets can be read."""
    with ExitStack() as stack:

        def make(octets: bytes) -> int:
            reading, writing = os.pipe()
            os.write(writing, octets)
            os.close(writing)
            stack.callback(os.close, reading)
            return reading

        yield make
