"""Writes the examples that `balchat plugins new` makes: a bot, and a vault on plain SQLite.

Run it after a change of their templates; a test holds the examples to them.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from balchat_host.api.frontend import PluginKind
from balchat_host.authoring.scaffold import new_plugin

EXAMPLES: Final = {"ui_bot": (PluginKind.FRONT_END, "bot"), "storage_plain": (PluginKind.STORAGE, "plain")}
"""Folders in `examples`, and what each is a plugin of."""

_FOLDER: Final = Path(__file__).parents[1] / "examples"


def make(example: str, parent: Path) -> Path:
    """Make an example in a folder of its own in `parent`, and return the folder.

    What a repository of its own needs, a distribution in this one does not.
    """
    kind, name = EXAMPLES[example]
    folder = new_plugin(kind, name, parent)
    shutil.rmtree(folder / ".github")
    (folder / ".gitignore").unlink()
    return folder


def main() -> int:
    """Write all of them."""
    for example in EXAMPLES:
        with tempfile.TemporaryDirectory() as parent:
            shutil.rmtree(_FOLDER / example, ignore_errors=True)
            shutil.copytree(make(example, Path(parent)), _FOLDER / example)
    return 0


if __name__ == "__main__":
    sys.exit(main())
