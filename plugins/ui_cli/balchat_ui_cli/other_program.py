"""`balchat web`, `balchat tui`: another front end's program is started without waiting for this one's commands.

Typer and the commands take a third of a second to import.
"""

from collections.abc import Sequence
from typing import Final

from balchat_host.api.errors import NoSuchProgram
from balchat_host.api.programs import Profiles

COMMANDS: Final = frozenset(
    {
        "backup",
        "chat",
        "code",
        "config",
        "contacts",
        "conversations",
        "delete",
        "deployment",
        "doctor",
        "down",
        "edit",
        "export",
        "files",
        "history",
        "info",
        "init",
        "listen",
        "passphrase",
        "plugins",
        "profile",
        "react",
        "recovery",
        "relay",
        "requests",
        "restore",
        "retry",
        "search",
        "send",
        "settings",
        "status",
        "up",
        "version",
        "voice",
    }
)
"""The commands of this program: no other one takes their names."""
_PROFILE: Final = "--profile"


def start_other(profiles: Profiles, argv: Sequence[str]) -> int | None:
    """Start the program that a command line names, and return its exit code; None where it names none.

    Only plain lines are looked at here. `frame.Root` starts what others name, and says what is wrong.
    """
    place = 0
    while place < len(argv) and argv[place].startswith(_PROFILE):
        place += 2 if argv[place] == _PROFILE else 1
    line = argv[place:]
    if not line or not line[0].isidentifier() or line[0] in COMMANDS or not all(word.isprintable() for word in line):
        return None
    try:
        return profiles.start(line[0], line[1:])
    except NoSuchProgram:
        return None
