"""The texts of each language, as they lie in this package: a folder for each language, a JSON file for each area.

An area's file is one flat object. The text `name` of `chat.json` has the key `chat.name`. A text is a string with
`{parameters}`, or an object with a string for each plural category, chosen by the parameter `count`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

Catalogue = Mapping[str, str | Mapping[str, str]]
"""All texts of a language by their keys. One with plurals has a text for each category (`one`, `many`, `other`)."""

SOURCE: Final = "en"
"""The language that is written first, and spoken where nothing says which."""

_HERE: Final = Path(__file__).parent
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that there are (ISO 639-1), the source first."""
    found = sorted(folder.parent.name for folder in _HERE.glob("*/common.json"))
    return (SOURCE, *(code for code in found if code != SOURCE))


@lru_cache(maxsize=8)
def catalogue(language: str) -> Catalogue:
    """Return all texts of a language. Raise LookupError where there is no such language."""
    if language not in languages():
        raise LookupError(f"there are no texts in {language!r}")
    texts: dict[str, str | Mapping[str, str]] = {}
    for file in sorted((_HERE / language).glob("*.json")):
        area = cast("dict[str, str | dict[str, str]]", json.loads(file.read_bytes()))
        texts |= {f"{file.stem}.{name}": text for name, text in area.items()}
    return MappingProxyType(texts)


def choose_language(setting: str, environ: Mapping[str, str]) -> str:
    """Return the language that a front end's setting means: `auto` is the one of the environment's locale."""
    wanted = setting
    if setting == "auto":
        locale = next((value for name in _VARIABLES if (value := environ.get(name))), SOURCE)
        wanted = locale.partition(".")[0].partition("_")[0].lower()
    return wanted if wanted in languages() else SOURCE
