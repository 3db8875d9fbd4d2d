"""Where secrets come from: a file descriptor, a file that nobody else can have written, or the terminal.

Never from an argument or an environment variable: other processes can read those. Everything here blocks, and is
called before an event loop runs, so that Ctrl-C at a prompt is simply Ctrl-C.
"""

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from balchat_common.text_files import NotText, decoded

from balchat_host.api.errors import BadInput, WeakPassphrase
from balchat_host.api.types import Secret
from balchat_ui_cli.input_lines import read_blocking
from balchat_ui_cli.prompts import NoTerminal, ask_hidden
from balchat_ui_cli.secret_files import open_secret

T = TypeVar("T")

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
    warn: Callable[[str, str], None] | None = None
    """Takes the code and the words of what is no error, and should be known."""

    @property
    def given(self) -> bool:
        """Whether nobody need be asked."""
        return self.descriptor is not None or self.file is not None

    @property
    def tries(self) -> int:
        """How often a wrong secret may be given."""
        return 1 if self.given else _TRIES

    def read(self) -> Secret:
        """Get the secret. Raise BadInput, BadPassphraseFile."""
        if self.descriptor is not None and os.isatty(self.descriptor):
            # Somebody types there, and need not be watched.
            return self._ask(self.name)
        if self.descriptor is not None:
            return read_descriptor(self.descriptor, f"{self.option}-fd")
        if self.file is not None:
            return self._read_file(self.file)
        return self._ask(self.name)

    def use_new(self, use: Callable[[Secret], T]) -> T:
        """Give a new secret to `use`; where it was typed and is too weak, ask again.

        Raise BadInput, BadPassphraseFile, and what `use` raises.
        """
        tries = self.tries
        while True:
            secret = self._read_new()
            tries -= 1
            try:
                return use(secret)
            except WeakPassphrase as error:
                if not tries:
                    raise
                if self.warn:
                    self.warn(error.code, str(error))

    def _read_new(self) -> Secret:
        """Get a new secret; at the terminal, twice the same."""
        if self.given:
            return self.read()
        for attempt in range(_TRIES):
            secret = self._ask(f"Not the same. {self.name}" if attempt else self.name)
            if secret == self._ask("The same again"):
                return secret
        raise BadInput(what=self.name, problem="it was not the same the second time. Nothing was changed")

    def _read_file(self, file: Path) -> Secret:
        descriptor, readable = open_secret(file, instead=f"{self.option}-fd")
        try:
            secret = read_descriptor(descriptor, str(file))
        finally:
            os.close(descriptor)
        if readable and self.warn:
            self.warn("readable-secret", f"Everybody on this machine can read the passphrase in {file}.")
        return secret

    def _ask(self, what: str) -> Secret:
        try:
            return _checked(ask_hidden(what), self.name)
        except NoTerminal:
            hint = f"there is no terminal to ask at; use {self.option}-fd or {self.option}-file"
            raise BadInput(what=self.name, problem=hint) from None


def read_descriptor(descriptor: int, option: str) -> Secret:
    """Read a secret, the next line of an open file descriptor; what follows the line stays there for others."""
    line = bytearray()
    try:
        while len(line) <= MAX_SIZE and (octet := read_blocking(descriptor, 1)) not in {b"", b"\n"}:
            line += octet
    except OSError as error:
        raise BadInput(what=option, problem=f"descriptor {descriptor} cannot be read ({error.strerror})") from error
    return _checked(bytes(line), option)


def _checked(octets: bytes, what: str) -> Secret:
    """Return a secret without what programs put around it. Raise BadInput for what cannot have been meant.

    Those are the end of a line, and the byte-order mark that some editors begin a file with.
    """
    if len(octets) > MAX_SIZE:
        raise BadInput(what=what, problem=f"it is longer than {MAX_SIZE} octets")
    try:
        text = decoded(octets.removesuffix(b"\r"))
    except NotText as error:
        raise BadInput(what=what, problem=f"it {error}") from None
    for character in text:
        # Nobody sees these, so nobody could type the passphrase again.
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character == "\ufeff":
            raise BadInput(what=what, problem=f"it has the invisible character U+{ord(character):04X}; write it again")
    if not text:
        raise BadInput(what=what, problem="it is empty")
    return Secret.from_text(text)
