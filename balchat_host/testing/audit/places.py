"""Where in the code something was made: callers that belong neither to Python nor to a library of tasks or tests."""

import sysconfig
from collections.abc import Iterable, Iterator
from inspect import currentframe
from pathlib import Path
from types import FrameType
from typing import Final, TypeAlias

Place: TypeAlias = tuple[str, int, str]
"""A file's path, a line, the name of a function."""

_DEPTH: Final = 3
"""How many callers are shown."""

_HERE: Final = str(Path(__file__).parent)
_STANDARD: Final = (sysconfig.get_path("stdlib"), "<frozen ")
_SITE: Final = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
_PLUMBING: Final = ("anyio", "trio", "outcome", "sniffio", "exceptiongroup", "blockbuster")
_TEST_TOOLS: Final = ("_pytest", "pytest", "pluggy", "hypothesis", "coverage", "pytest_timeout", "xdist", "execnet")


def callers(frame: FrameType | None) -> Iterator[Place]:
    """Go through a stack, the innermost caller first."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        frame = frame.f_back


def relevant(places: Iterable[Place]) -> list[Place]:
    """Return the first few that tell where something was made; none where a test tool made it, or Python alone."""
    found: list[Place] = []
    for place in places:
        kind = _kind(place[0])
        if kind == "test tool":
            break
        if kind == "code":
            found.append(place)
            if len(found) == _DEPTH:
                break
    return found


def made_by_test_tool(places: Iterable[Place]) -> bool:
    """Return whether the innermost caller that is not Python's own is a test tool."""
    return next((kind for kind in (_kind(place[0]) for place in places) if kind != "plumbing"), "") == "test tool"


def here() -> list[Place]:
    """Return where the caller was called from, by relevance."""
    return relevant(callers(currentframe()))


def shown(places: Iterable[Place]) -> str:
    """Write places for a person."""
    written = [f"{file}:{line} ({function})" for file, line, function in places]
    return ", called from ".join(written) or "a place that cannot be told"


def _kind(file: str) -> str:
    if file.startswith(_HERE):
        return "plumbing"
    for site in _SITE:
        if file.startswith(site):
            package = file[len(site) + 1 :].partition("/")[0].removesuffix(".py")
            return "test tool" if package in _TEST_TOOLS else "plumbing" if package in _PLUMBING else "code"
    return "plumbing" if file.startswith(_STANDARD) or not file.endswith(".py") else "code"
