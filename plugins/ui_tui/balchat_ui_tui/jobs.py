"""Effects that are work of their own: the program itself, and what lies on this machine.

Each is a value like other effects, with `run` for the one who carries it out.
"""

import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import anyio
import anyio.to_thread
import msgspec

from balchat_host.api.errors import BalchatError
from balchat_host.api.types import Secret
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Effect

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

Tell = Callable[[Action], None]
"""Takes an action while a job goes on."""


class _AbstractStruct(msgspec.StructMeta, ABCMeta):
    """Makes structs that may have abstract methods."""


class Job(Effect, metaclass=_AbstractStruct, frozen=True, kw_only=True):
    """Work whose answer `done` makes an action of, and whose error `failed`."""

    done: Callable[[Any], Action] | None = None
    failed: Callable[[BalchatError], Action] | None = None

    @abstractmethod
    async def run(self, tui: "BalchatTui", tell: Tell) -> Any:
        """Do it; give `tell` what is to be known meanwhile. Raise BalchatError."""


class SwitchProfile(Job, frozen=True, kw_only=True):
    """Show the account of another profile, as if the program were started for it: nothing of this one stays."""

    name: str

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Switch."""
        del tell
        await tui.switch_profile(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesFound:
    """The profiles that have an account, which one is shown, and whether that has one."""

    names: tuple[str, ...]
    shown: str
    exists: bool


class LookAtProfiles(Job, frozen=True, kw_only=True):
    """Look which profiles there are; the answer is a `ProfilesFound`."""

    async def run(self, tui: "BalchatTui", tell: Tell) -> ProfilesFound:
        """Look."""
        del tell

        def look() -> ProfilesFound:
            names = tuple(each.name for each in tui.profiles.profiles())
            return ProfilesFound(names=names, shown=tui.profile.name, exists=tui.profile.exists())

        return await anyio.to_thread.run_sync(look)


class LookForFile(Job, frozen=True, kw_only=True):
    """Look whether there is a file at a path; the answer is the path, None where there is none."""

    path: Path

    async def run(self, tui: "BalchatTui", tell: Tell) -> Path | None:
        """Look."""
        del tui, tell
        # `Path.is_file` raises where a folder may not be looked into, or a name is too long to be one.
        return self.path if await anyio.to_thread.run_sync(os.path.isfile, self.path) else None


class CheckPassphrase(Job, frozen=True, kw_only=True):
    """Look whether a passphrase could be that of a new account, by the vault's own rule."""

    passphrase: Secret

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Look. Raise WeakPassphrase."""
        del tell
        await anyio.to_thread.run_sync(tui.profile.check_passphrase, self.passphrase)


class SettingChanged(Job, frozen=True, kw_only=True):
    """Take another value of a setting, where it is one of this program."""

    key: str
    value: object

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Take it."""
        del tell
        tui.take_setting(self.key, self.value)


class ReadQrPicture(Job, frozen=True, kw_only=True):
    """Read the QR code in a picture of this machine; the answer is its text, None where there is none."""

    path: Path

    async def run(self, tui: "BalchatTui", tell: Tell) -> str | None:
        """Read it. Raise BadInput, PicturesMissing, TooMany."""
        del tui, tell
        from balchat_host.api.pictures import read_qr_file  # noqa: PLC0415  # needed only for a picture of a code

        return await read_qr_file(self.path)


def path_in(text: str) -> Path | None:
    """Return the path that a pasted text is, as terminals paste a dropped file: quoted, escaped, or as `file://`.

    None where it is none. Whether there is a file is not looked at.
    """
    line = text.strip()
    if not line or "\n" in line or len(line) > _LONGEST_PATH:
        return None
    if line.startswith("file://"):
        parts = urlsplit(line)
        return Path(unquote(parts.path)) if parts.netloc in {"", "localhost"} else None
    if len(line) > 1 and line[0] == line[-1] and line[0] in "'\"":
        line = line[1:-1]
    elif "\\" in line:
        line = line.replace("\\ ", " ").replace("\\(", "(").replace("\\)", ")").replace("\\'", "'")
    return Path(line).expanduser() if line.startswith(("/", "~/", "./", "../")) else None


_LONGEST_PATH: Final = 4096
