"""The other network: a contract of three methods, and a folder that keeps it, so that there is something to run.

A bridge to Matrix writes a `Remote` on a Matrix library: `post` is a PUT of an event whose transaction id is the `key`,
so that the server drops what it has already; `messages` is a sync, from the last `done`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

LOOK_EVERY: Final = 0.5
"""Seconds between looks at the folder."""
MAX_SIZE: Final = 64 * 1024
"""Octets of the largest message that is taken from the other side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteMessage:
    """A message of the other network. `key` names it there."""

    room: str
    key: str
    sender: str
    text: str


class Remote(ABC):
    """What a bridge needs of another network."""

    @abstractmethod
    async def post(self, room: str, *, key: str, sender: str, text: str) -> None:
        """Write into a room. The same `key` again changes nothing."""

    @abstractmethod
    def messages(self, rooms: Sequence[str]) -> AsyncIterator[RemoteMessage]:
        """Return what others write into these rooms, and is not `done`; go on for ever."""

    @abstractmethod
    async def done(self, message: RemoteMessage) -> None:
        """Remember that a message has been dealt with."""


class FolderRemote(Remote):
    """Rooms as folders: `ROOM/out/KEY.json` is what we post, `ROOM/in/KEY.json` what somebody else leaves."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    async def post(self, room: str, *, key: str, sender: str, text: str) -> None:
        def write() -> None:
            out = self._folder / room / "out"
            out.mkdir(parents=True, exist_ok=True)
            new = out / f"{key}.new"
            new.write_text(json.dumps({"sender": sender, "text": text}))
            new.replace(out / f"{key}.json")

        await to_thread.run_sync(write)

    async def messages(self, rooms: Sequence[str]) -> AsyncIterator[RemoteMessage]:
        while True:
            for message in await to_thread.run_sync(self._look, rooms):
                yield message
            await anyio.sleep(LOOK_EVERY)

    async def done(self, message: RemoteMessage) -> None:
        file = self._folder / message.room / "in" / f"{message.key}.json"
        await to_thread.run_sync(lambda: file.unlink(missing_ok=True))

    def _look(self, rooms: Sequence[str]) -> list[RemoteMessage]:
        found: list[RemoteMessage] = []
        for room in rooms:
            for file in sorted(self._folder.glob(f"{room}/in/*.json")):
                message = read(room, file)
                if message is None:
                    file.unlink()  # nobody can make anything of it
                else:
                    found.append(message)
        return found


def read(room: str, file: Path) -> RemoteMessage | None:
    """Return the message in a file; None where there is none."""
    if file.stat().st_size > MAX_SIZE:
        return None
    try:
        said: Any = json.loads(file.read_text())
        return RemoteMessage(room=room, key=file.stem, sender=str(said["sender"]), text=str(said["text"]))
    except (ValueError, TypeError, KeyError):
        return None
