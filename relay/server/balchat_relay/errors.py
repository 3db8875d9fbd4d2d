"""What the program `balchat-relay` tells its operator of: one sentence that says what is wrong, and what to do.

`code` names an error in `--json` output; `exit_code` is the program's. The kinds, and their numbers, are those of
`balchat` (docs/cli.md, "Exit codes").
"""

from typing import ClassVar


class OperatorError(Exception):
    """What was asked for cannot be done."""

    code: ClassVar[str] = "bad-input"
    exit_code: ClassVar[int] = 3


class FolderProblem(OperatorError):
    """The folder cannot be used."""

    code = "folder-unusable"
    exit_code = 7


class RelayExists(OperatorError):
    """There is something already that would be overwritten."""

    code = "relay-exists"


class NoRelay(OperatorError):
    """The folder has no relay."""

    code = "no-relay"
    exit_code = 5


class NotRunning(OperatorError):
    """No relay runs on the folder."""

    code = "not-running"
    exit_code = 6


class AlreadyRunning(OperatorError):
    """A relay runs on the folder."""

    code = "already-running"
    exit_code = 6


class BadSettings(OperatorError):
    """The settings cannot be used; the message names file, key and what is allowed."""

    code = "configuration"
    exit_code = 8


class KeyUnusable(OperatorError):
    """The onion's key is damaged, or others may have it."""

    code = "key-unusable"
    exit_code = 12


class StoreMissing(OperatorError):
    """There is a key, and no store that belongs to it."""

    code = "store-missing"
    exit_code = 12


class StoreUnusable(OperatorError):
    """The database cannot be used."""

    code = "store-unusable"
    exit_code = 12
