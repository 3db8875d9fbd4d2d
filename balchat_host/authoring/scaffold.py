"""Makes the distribution of a new plugin from a template.

A template is a distribution that works, called `sample`: the name is all that changes. `common` has what all of them
share. A file name that begins with `dot_` stands for one that begins with a dot.
"""

import re
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import PluginKind

_TEMPLATES: Final = Path(__file__).parent / "templates"
_COMMON: Final = "common"
_PREFIXES: Final = ("ui_", *(f"{kind.replace('-', '_')}_" for kind in PluginKind))
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_NAME: Final = 24
"""With the longest prefix it is still a plugin's name."""
_SAMPLE: Final = re.compile(r"balchat(?:-[a-z]+)+-sample|sample|Sample")


def new_plugin(kind: PluginKind, name: str, parent: Path) -> Path:
    """Make the distribution of a plugin in a folder of its own in `parent`, and return the folder. Raise BadInput."""
    name = _checked(name)
    files = {_renamed(path, name): text for path, text in _template(kind).items()}
    folder = parent / distribution_name(kind, name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # It is new, and so nobody else's: in a folder where others can write, they could lead us elsewhere with links.
        try:
            folder.mkdir()
        except FileExistsError:
            problem = "it is there already; choose another name or another folder"
            raise BadInput(what=str(folder), problem=problem) from None
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_renamed(text, name), encoding="utf-8")
    except OSError as error:
        raise BadInput(what=str(folder), problem=f"it cannot be written ({error.strerror})") from error
    return folder


def distribution_name(kind: PluginKind, name: str) -> str:
    """Return how a plugin's distribution is called by convention."""
    return f"balchat-{'ui' if kind is PluginKind.FRONT_END else kind}-{name.replace('_', '-')}"


def plugin_name(kind: PluginKind, name: str) -> str:
    """Return how balchat calls a plugin whose author calls it so. Raise BadInput."""
    return distribution_name(kind, _checked(name)).removeprefix("balchat-").replace("-", "_")


def _checked(name: str) -> str:
    """Return the part of a plugin's name that its author chooses. Raise BadInput."""
    given, name = name, name.removeprefix("balchat-").replace("-", "_")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        problem = f"a name has up to {_MAX_NAME} of a-z, 0-9, _ and -, and begins with a letter"
        raise BadInput(what=f"The name {given}", problem=problem)
    return name


def _template(kind: PluginKind) -> dict[str, str]:
    return {
        str(path.relative_to(root)).replace("dot_", "."): path.read_text(encoding="utf-8")
        for root in (_TEMPLATES / kind, _TEMPLATES / _COMMON)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def _renamed(text: str, name: str) -> str:
    spellings = {"sample": name, "Sample": "".join(word.capitalize() for word in name.split("_"))}

    def rename(found: re.Match[str]) -> str:
        # A distribution's name has hyphens.
        return spellings.get(found[0]) or found[0].removesuffix("sample") + name.replace("_", "-")

    return _SAMPLE.sub(rename, text)
