"""Where secrets come from: a file descriptor, a file that only its owner can read, or the terminal.

Never from an argument or an environment variable: other processes can read those. Everything here blocks, and is
called before an event loop runs, so that Ctrl-C at a prompt is simply Ctrl-C.
"""

import os
import stat
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path

from balchat_host.api.errors import BadInput, BadPassphraseFile
from balchat_host.api.types import Secret

MAX_SIZE = 1024
"""Octets of the longest secret."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where one secret comes from. Without a descriptor and a file, from the terminal, where it is called `name`."""

    name: str
    descriptor: int | None = None
    file: Path | None = None
    option: str = "--passphrase"
    """What the options begin with that name the descriptor and the file."""

    @property
    def given(self) -> bool:
        """Whether nobody need be asked."""
        return self.descriptor is not None or self.file is not None

    @property
    def tries(self) -> int:
        """How often a wrong secret may be given."""
        return 1 if self.given else _TRIES

    def read(self) -> Secret:
        """Get the secret. Raises BadInput, BadPassphraseFile."""
        if self.descriptor is not None:
            return read_descriptor(self.descriptor, f"{self.option}-fd")
        if self.file is not None:
            return read_file(self.file)
        return self._ask(self.name)

    def read_new(self) -> Secret:
        """Get a new secret; at the terminal, twice the same. Raises BadInput, BadPassphraseFile."""
        if self.given:
            return self.read()
        for attempt in range(_TRIES):
            secret = self._ask(f"Not the same. {self.name}" if attempt else self.name)
            if secret == self._ask("The same again"):
                return secret
        raise BadInput(what=self.name, problem="it was not the same the second time. Nothing was changed")

    def _ask(self, what: str) -> Secret:
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError as error:
            hint = f"there is no terminal to ask at; use {self.option}-fd or {self.option}-file"
            raise BadInput(what=self.name, problem=hint) from error
        return _checked(getpass(f"{what}: ").encode(errors="surrogateescape"), self.name)


def read_descriptor(descriptor: int, option: str) -> Secret:
    """Read a secret, the next line of an open file descriptor; what follows the line stays there for others."""
    line = bytearray()
    try:
        while len(line) <= MAX_SIZE and (octet := os.read(descriptor, 1)) not in {b"", b"\n"}:
            line += octet
    except OSError as error:
        raise BadInput(what=option, problem=f"descriptor {descriptor} cannot be read ({error.strerror})") from error
    return _checked(bytes(line), option)


def read_file(file: Path) -> Secret:
    """Read a secret, the first line of a file that belongs to us and that nobody else can read."""
    try:
        # O_NONBLOCK: a named pipe must be refused below, not waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadPassphraseFile(problem=f"{file} cannot be opened ({error.strerror})") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadPassphraseFile(problem=f"{file} is no ordinary file")
        if status.st_uid != os.geteuid():
            raise BadPassphraseFile(problem=f"{file} belongs to somebody else")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise BadPassphraseFile(problem=f"others may read {file}; `chmod 600` it")
        return read_descriptor(descriptor, str(file))
    finally:
        os.close(descriptor)


def _checked(octets: bytes, what: str) -> Secret:
    octets = octets.removesuffix(b"\r")
    if not octets:
        raise BadInput(what=what, problem="it is empty")
    if len(octets) > MAX_SIZE:
        raise BadInput(what=what, problem=f"it is longer than {MAX_SIZE} octets")
    return Secret(octets)
