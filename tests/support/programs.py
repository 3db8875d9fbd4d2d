"""Programs that speak JSON, run to their end or followed while they run.

Everything here blocks. Threads collect what a followed program writes, so that nothing of it is missed and no pipe
fills up; whoever waits for something says at most for how long. It needs Linux.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeAlias

from balchat_host.testing.programs import PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a program left when it had ended."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> list[Any]:
        """Its output, one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def value(self) -> Any:
        """Its output, one JSON value."""
        [value] = self.values
        return value

    @property
    def error(self) -> dict[str, Any]:
        """Its error, as `--json` prints it."""
        return json.loads(self.err.splitlines()[-1])["error"]


def run(command: Sequence[str], environment: Mapping[str, str], *, stdin: str = "", give: Sequence[int] = ()) -> Said:
    """Run a program to its end. `give` are file descriptors for it."""
    done = subprocess.run(
        command,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        pass_fds=give,
        start_new_session=True,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


class Process(Protocol):
    """A process that was started, as `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes."""
        ...

    @property
    def stderr(self) -> IO[bytes] | None:
        """What it says on standard error."""
        ...

    def kill(self) -> None:
        """Kill it (SIGKILL), if it still runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit code."""
        ...


Start: TypeAlias = Callable[[Sequence[str], Mapping[str, str], Sequence[int]], Process]
"""Starts a command in an environment; the numbers are file descriptors for it."""


def start_program(command: Sequence[str], environment: Mapping[str, str], give: Sequence[int]) -> Process:
    """Start a program that is followed."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=give,
        start_new_session=True,  # Ctrl-C at a terminal is for whoever started this
    )


@contextmanager
def readable(text: str) -> Generator[int]:
    """Return a file descriptor from which one line can be read, at most what a pipe holds."""
    reading, writing = os.pipe()
    os.write(writing, f"{text}\n".encode())
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A value that a program wrote, and when it was read (seconds, `time.monotonic`)."""

    value: Any
    at: float


class Ear:
    """Hears what programs write, one JSON value a line; one after another may be heard by the same."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []
        self._listening = 0
        self._changed = threading.Condition()

    @property
    def values(self) -> list[Any]:
        """Everything heard so far."""
        return [heard.value for heard in self._heard]

    def listen(self, stream: IO[bytes]) -> None:
        """Hear a stream to its end, in a thread of its own."""
        self._listening += 1
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def until(self, expected: Callable[[Any], bool], *, start: int = 0, patience: float = PATIENCE) -> Heard:
        """Wait for a value that is `expected`, the first at or after position `start`.

        Raise EOFError where nothing speaks any more, TimeoutError.
        """
        deadline = time.monotonic() + patience
        with self._changed:
            position = start
            while True:
                for heard in self._heard[position:]:
                    if expected(heard.value):
                        return heard
                position = max(start, len(self._heard))
                if not self._listening:
                    raise EOFError(f"it never came, and nothing speaks any more; what came last: {self._last()}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"it never came; what came last: {self._last()}")

    def wait_for_silence(self, *, patience: float = PATIENCE) -> None:
        """Wait until nothing speaks any more. Raise TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._listening, patience):
                raise TimeoutError("it goes on speaking")

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break  # it was killed while it spoke
                heard = Heard(value=json.loads(line), at=time.monotonic())
                with self._changed:
                    self._heard.append(heard)
                    self._changed.notify_all()
        with self._changed:
            self._listening -= 1
            self._changed.notify_all()

    def _last(self) -> str:
        return "\n".join(str(heard.value) for heard in self._heard[-5:]) or "nothing"


class Followed:
    """A program that runs. `ear` hears what it writes; what it says on standard error is kept."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        ear: Ear,
        *,
        give: Sequence[int] = (),
        start: "Start | None" = None,
    ) -> None:
        self.ear = ear
        self._process = (start or start_program)(command, environment, give)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._errors = self._process.stderr
        self._said = b""
        self._reading = threading.Thread(target=self._keep_errors, daemon=True)
        self._reading.start()
        ear.listen(self._process.stdout)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def strike(self) -> None:
        """Kill it (SIGKILL), if it still runs, and do not wait for its end."""
        self._process.kill()

    def kill(self) -> int:
        """Kill it (SIGKILL), if it still runs; return its exit code."""
        self.strike()
        return self.wait()

    def wait(self, *, patience: float = PATIENCE) -> int:
        """Wait for its end; return its exit code."""
        code = self._process.wait(patience)
        self._reading.join(patience)
        return code

    @property
    def err(self) -> str:
        """What it has said on standard error; all of it once it has ended."""
        return self._said.decode(errors="replace")

    def _keep_errors(self) -> None:
        with self._errors as stream:
            for line in stream:
                self._said += line
