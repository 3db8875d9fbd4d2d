"""What a decoder answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

METADATA: Final = ("location", "device", "time", "text", "thumbnail", "color-profile", "other")
"""The kinds of metadata that may be said to have been in a picture, in the order in which they are said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was made: `results` are octets, `said` what JSON says of them."""

    results: tuple[bytes, ...]
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Refused(Exception):
    """What was given cannot be read, or is too large. `problem` is for people."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
