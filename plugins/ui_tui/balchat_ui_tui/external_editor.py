"""A text in the person's own editor.

The file lies in the account's runtime directory only, which is private, on this machine, and in memory where the
system has one; it goes as soon as the editor ends.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Final

import anyio.to_thread
from balchat_texts import Texts

from balchat_host.api.errors import BadInput

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

_LARGEST: Final = 1024 * 1024
"""Octets of the largest text that is read back: far more than a message may have."""


async def write_elsewhere(tui: "BalchatTui", folder: Path, text: str) -> str:
    """Have a person write a text in their editor; return what it is then. Raise BadInput."""
    with tui.suspend():
        return await anyio.to_thread.run_sync(_edit, tui.t, folder, text)


def editor(environment: Mapping[str, str]) -> list[str]:
    """Return the command of the person's editor."""
    return shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or "vi")


def _edit(t: Texts, folder: Path, text: str) -> str:
    descriptor, name = mkstemp(prefix="draft-", suffix=".md", dir=folder)
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        command = editor(os.environ)
        try:
            code = subprocess.run([*command, name], check=False).returncode
        except OSError as error:
            raise BadInput(what=command[0], problem=t("tui.editor-missing", problem=error.strerror or "")) from error
        if code != 0:
            raise BadInput(what=command[0], problem=t("tui.editor-failed", code=code))
        with file.open("rb") as stream:
            written = stream.read(_LARGEST + 1)
        if len(written) > _LARGEST:
            raise BadInput(what=command[0], problem=t("tui.editor-too-long"))
        return written.decode("utf-8", errors="replace").removesuffix("\n")
    finally:
        file.unlink(missing_ok=True)
