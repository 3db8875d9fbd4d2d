"""Work with files: hand one to the account, take one out of it, and get the octets of a picture."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from balchat_host.api.errors import BadInput
from balchat_host.api.following import following
from balchat_host.api.local_files import attach, export
from balchat_host.api.views import FileView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.jobs import Job, Tell

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

_OFTEN: Final = 0.2
"""Seconds between two things that are told of one file."""
_LARGEST_PICTURE: Final = 16 * 1024 * 1024
"""Octets of the largest picture that is taken from the account, which has made it again."""


class AttachFile(Job, frozen=True, kw_only=True):
    """Hand a file to the account; the answer is its FileView. `progress` makes an action of how far it is."""

    path: Path
    as_is: bool
    progress: Callable[[int, int], Action]

    async def run(self, tui: "BalchatTui", tell: Tell) -> FileView:
        """Hand it over. Raise what the account raises, and BadInput."""
        return await attach(tui.session.performer.app, self.path, _seldom(self.progress, tell), as_is=self.as_is)


class ExportFile(Job, frozen=True, kw_only=True):
    """Write a file into a folder of this machine; the answer is where it is."""

    file: str
    folder: Path
    progress: Callable[[int, int], Action]

    async def run(self, tui: "BalchatTui", tell: Tell) -> Path:
        """Write it. Raise what the account raises, and BadInput."""
        app = tui.session.performer.app
        return await export(app, await app.files.get(self.file), self.folder, _seldom(self.progress, tell))


class GetPicture(Job, frozen=True, kw_only=True):
    """Get a picture that the account has made again, at most so large; the answer is its octets (WebP).

    Without a size it is the preview, which came with the message.
    """

    file: str
    longest_side: int | None

    async def run(self, tui: "BalchatTui", tell: Tell) -> bytes:
        """Get it. Raise what the account raises."""
        del tell
        octets = bytearray()
        files, side = tui.session.performer.app.files, self.longest_side
        async with following(files.preview(self.file) if side is None else files.picture(self.file, side)) as pieces:
            async for piece in pieces:
                octets += piece
                if len(octets) > _LARGEST_PICTURE:
                    raise BadInput(what=self.file[:8], problem=tui.t("tui.picture-too-large"))
        return bytes(octets)


def _seldom(progress: Callable[[int, int], Action], tell: Tell) -> Callable[[FileView, int], None]:
    told = 0.0

    def show(file: FileView, done: int) -> None:
        nonlocal told
        if monotonic() - told >= _OFTEN or done == file.size:
            told = monotonic()
            tell(progress(done, file.size))

    return show
