"""A text in the person's own editor.

The file lies below the account's runtime directory only, which is private, on this machine, and in memory where the
system has one, in a folder of its own, for what editors put beside it. That goes as soon as the editor ends, or we do;
what a process left that was killed goes when the next one starts (`remove_left_over`).
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio.to_thread
from balchat_common import private_folders
from balchat_common.private_folders import PrivateFolder, removed_on_signals
from balchat_texts import Texts

from balchat_host.api.errors import BadInput
from balchat_host.api.local_files import open_source

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

_PREFIX: Final = "balchat-draft-"
_LARGEST: Final = 1024 * 1024
"""Octets of the largest text that is read back: far more than a message may have."""


async def write_elsewhere(tui: "BalchatTui", folder: Path, text: str) -> str:
    """Have a person write a text in their editor; return what it is then. Raise BadInput."""
    private = await anyio.to_thread.run_sync(PrivateFolder, folder, _PREFIX)
    try:
        # The other way round, the terminal's driver would take the signals again.
        with tui.suspend(), removed_on_signals(private):
            return await anyio.to_thread.run_sync(_edit, tui.t, private.path, text)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(private.remove)


def remove_left_over(folder: Path) -> None:
    """Remove the texts that processes left in a runtime directory that were killed. Blocks."""
    private_folders.remove_left_over(folder, _PREFIX)


def editor(environment: Mapping[str, str]) -> list[str]:
    """Return the command of the person's editor."""
    return shlex.split(environment.get("VISUAL") or "") or shlex.split(environment.get("EDITOR") or "") or ["vi"]


def _edit(t: Texts, folder: Path, text: str) -> str:
    file = folder / "draft.md"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    try:
        command = editor(os.environ)
    except ValueError as error:  # a quote that is not closed
        raise BadInput(what="VISUAL, EDITOR", problem=t("tui.editor-missing", problem=str(error))) from error
    name = command[0]
    try:
        code = subprocess.run([*command, str(file)], check=False).returncode
    except OSError as error:
        raise BadInput(what=name, problem=t("tui.editor-missing", problem=error.strerror or "")) from error
    if code != 0:
        raise BadInput(what=name, problem=t("tui.editor-failed", code=code))
    try:
        with open_source(file) as stream:
            written = stream.read(_LARGEST + 1)
    except OSError as error:
        raise BadInput(what=name, problem=error.strerror or "") from error
    if len(written) > _LARGEST:
        raise BadInput(what=name, problem=t("tui.editor-too-long"))
    return written.decode("utf-8", errors="replace").removesuffix("\n")
