"""The same as `files_memory`, with 5 GiB: flat is what takes no more for five times as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import files_memory
from bench.files_memory import GIB

if TYPE_CHECKING:
    from bench.figure import Figure
    from bench.room import Room

TITLE = "Memory while larger files pass"
NOTE = (
    "As above, in parts of 4 MiB. The disk needs 11 GiB; this takes some ten minutes. The sender through a relay was"
    " measured while each part was copied twice more, into its request and to be sent. With one of these copies it had"
    " 129 MiB, and 74.8 MiB before, for 1.2 GiB in parts as large; with neither, 121 MiB and 74.8 MiB before, for 1 GiB"
    " and 1 MiB."
)


def measure(room: Room) -> list[Figure]:
    return files_memory.measure(room, 5 * GIB)
