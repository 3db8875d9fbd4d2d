"""People with accounts of their own: the command `balchat` as it is installed, each in a home that nobody else uses.

A home holds all that an account may write: its profile, its temporary and its runtime folder. So a test can look at
every file, and whoever removes the home leaves nothing behind.
"""

import hashlib
import os
import subprocess
import sysconfig
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from balchat_host.testing.programs import children, wait_until_gone
from tests.support.fork_server import ForkServer
from tests.support.local_socket import LocalSocket
from tests.support.programs import Ear, Followed, Heard, Said, readable, run

PROGRAM: Final = str(Path(sysconfig.get_path("scripts")) / "balchat")
_KEPT: Final = ("PATH", "LANG", "COVERAGE_PROCESS_CONFIG", "PYTHONPATH")


class CommandFailed(AssertionError):
    """A command that should have worked did not."""


class Person:
    """Somebody with a home in `base`. As a context manager, nothing of theirs runs after it.

    `configuration` is the text of the profile's `balchat.toml`; `environment` is added to that of every command, which
    is `program`. With a fork `server`, that forks for each command.
    """

    def __init__(
        self,
        base: Path,
        name: str,
        *,
        configuration: str = "",
        environment: Mapping[str, str] | None = None,
        program: str = PROGRAM,
        server: ForkServer | None = None,
    ) -> None:
        self.name = name
        self.passphrase = f"{name.lower()} keeps correct horses"
        self.home = base / name.lower()
        self.profile = self.home / ".local" / "share" / "balchat" / "default"
        self.states = Ear()
        """What `up` has told: a status a line. A new one for each start."""
        self.events = Ear()
        """What `listen` has told, over all starts."""
        self._program = program
        self._server = server
        self.runtime = self.home / "run"
        """The runtime directory of their sessions."""
        self._environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            **(environment or {}),
        }
        for folder in (self.home, self.home / "tmp", self.runtime, *reversed(self.profile.parents[:3]), self.profile):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.configure(configuration)
        self._up: Followed | None = None
        self._listen: Followed | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._up is not None:
            self.kill()

    def configure(self, text: str) -> None:
        """Write the profile's configuration file."""
        file = self.profile / "balchat.toml"
        file.write_text(text)
        file.chmod(0o600)

    # -- commands

    def balchat(self, *arguments: str, unlock: bool = False, stdin: str = "") -> Said:
        """Run a command to its end; with `unlock` it gets the passphrase."""
        with ExitStack() as stack:
            give, more = self._key(stack) if unlock else ([], [])
            to_its_end = run if self._server is None else self._server.run
            return to_its_end([self._program, *arguments, *more], self._environment, stdin=stdin, give=give)

    def ask(self, *arguments: str, unlock: bool = False, stdin: str = "") -> list[Any]:
        """Run a command with `--json` and return its values. Raise CommandFailed."""
        said = self.balchat(*arguments, "--json", unlock=unlock, stdin=stdin)
        if said.code != 0:
            raise CommandFailed(f"balchat {' '.join(arguments)} ended with {said.code}: {said.err}")
        return said.values

    def init(self) -> str:
        """Make the account; return its recovery code."""
        [account] = self.ask("init", "--name", self.name, unlock=True)
        return account["recovery_code"]

    def code(self) -> str:
        """Return the chat code."""
        return self.ask("code", unlock=self._up is None)[0]["code"]

    def send(self, contact: str, text: str, *more: str) -> dict[str, Any]:
        """Write a message; return it as `--json` prints it."""
        return self.ask("send", contact, text, *more, unlock=self._up is None)[0]

    def history(self, contact: str, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the last messages of a conversation."""
        return self.ask("history", contact, "--limit", str(limit), unlock=self._up is None)

    def doctor(self) -> list[dict[str, Any]]:
        """Return the findings of `balchat doctor`, good and bad."""
        return self.balchat("doctor", "--json").values

    @contextmanager
    def environment(self, **variables: str | None) -> Generator[None]:
        """Have the commands inside the block see other variables; None takes one away."""
        before = self._environment
        self._environment = {name: value for name, value in (before | variables).items() if value is not None}
        try:
            yield
        finally:
            self._environment = before

    # -- being up

    def up(self, *, listen: bool = True) -> None:
        """Start `balchat up`, and `balchat listen` from the last event that was heard; return when both work.

        Raise CommandFailed.
        """
        self.states = Ear()
        with ExitStack() as stack:
            give, more = self._key(stack)
            self._up = self._follow("up", *more, ear=self.states, give=give)
        try:
            self.states.until(lambda _: True)
        except EOFError as error:
            raise CommandFailed(f"balchat up ended with {self._up.wait()}: {self._up.err}") from error
        if listen:
            self._listen = self._follow("listen", "--from", str(self.cursor), ear=self.events)

    def wait_online(self) -> Heard:
        """Wait until others can find the account. Raise CommandFailed where it ends before."""
        assert self._up is not None, "not started"
        try:
            return self.states.until(lambda status: status["identity_onion"]["phase"] == "online")
        except EOFError as error:
            raise CommandFailed(f"balchat up ended with {self._up.wait()}: {self._up.err}\n{error}") from error

    def down(self) -> None:
        """End it as a person does."""
        self.ask("down")
        self._ended()

    def kill(self) -> None:
        """Kill `balchat up` (SIGKILL), and wait until its tor has noticed."""
        assert self._up is not None, "not started"
        left = children(self._up.pid)
        self._up.kill()
        for child in left:
            wait_until_gone(child)
        self._ended()

    def killer(self) -> Callable[[], None]:
        """Return what kills this `balchat up` (SIGKILL), if it still runs, and waits for nothing."""
        assert self._up is not None, "not started"
        return self._up.strike

    def mourn(self) -> Said:
        """Wait for the end of `balchat up`, which ends without our doing; return what it left."""
        assert self._up is not None, "not started"
        up = self._up
        self._ended()
        return Said(code=up.wait(), out="", err=up.err)

    @property
    def pid(self) -> int:
        """The process id of `balchat up`."""
        assert self._up is not None, "not started"
        return self._up.pid

    @property
    def cursor(self) -> int:
        """The cursor of the last event that was heard."""
        heard = self.events.values
        return heard[-1]["cursor"] if heard else 0

    def socket(self) -> LocalSocket:
        """Connect to the running account."""
        short = hashlib.sha256(str(self.profile.resolve()).encode()).hexdigest()[:16]
        return LocalSocket(self.runtime / "balchat" / short / "rpc.sock")

    @contextmanager
    def web(self) -> Generator[str]:
        """Serve the page, as `balchat web` does; yield a link to a window of it. Raise CommandFailed."""
        line = [self._program, "web", "--no-browser"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=self._environment) as served:
            assert served.stdout is not None
            try:
                link = next((word for word in served.stdout if "/#t=" in word), None)
                if link is None:
                    raise CommandFailed("balchat web gave no link")
                yield link.strip()
            finally:
                served.terminate()
                served.wait()

    def _ended(self) -> None:
        assert self._up is not None, "not started"
        self._up.wait()
        if self._listen is not None:
            # It ends with what it listens to.
            self._listen.wait()
        self.events.wait_for_silence()
        self._up = self._listen = None

    def _follow(self, *arguments: str, ear: Ear, give: list[int] | None = None) -> Followed:
        command = [self._program, *arguments, "--json"]
        start = None if self._server is None else self._server.start
        return Followed(command, self._environment, ear, give=give or [], start=start)

    def _key(self, stack: ExitStack) -> tuple[list[int], list[str]]:
        descriptor = stack.enter_context(readable(self.passphrase))
        return [descriptor], ["--passphrase-fd", str(descriptor)]
