"""Measures every figure, or those that `--only` names, and writes `bench/RESULTS.md`.

A target that is missed is marked and makes no failure: a figure is for people to read. With `--only`, the other figures
of the results stay as they are.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from bench import results
from bench.machine import facts
from bench.room import Room

if TYPE_CHECKING:
    from bench.figure import Figure


class Measurement(Protocol):
    """A module of this folder that measures one row of figures."""

    TITLE: str
    NOTE: str

    def measure(self, room: Room) -> list[Figure]: ...


NAMES = (
    *(
        "latency",
        "throughput",
        "pipeline",
        "handshake",
        "eras",
        "healing",
        "history",
        "unlock",
        "start",
        "contacts",
        "watchers",
        "hostile",
        "search",
        "sealing",
        "files",
        "files_relayed",
        "files_killed",
        "files_memory",
        "files_memory_large",
        "web",
        "web_memory",
        "tui",
    ),
    *("relay_server", "relayed", "mls_binding"),
)


def main() -> int:
    """Run."""
    names = [name for name in NAMES if find_spec(f"bench.{name}")]
    parser = argparse.ArgumentParser(prog="python -m bench", description="The figures, each against its limit.")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    chosen = parser.parse_args().only or names
    machine = facts()
    path = Path(__file__).with_name("RESULTS.md")
    sections = results.read(path)
    missed: list[str] = []
    with Room() as room:
        for name in chosen:
            row = cast("Measurement", import_module(f"bench.{name}"))
            print(f"{row.TITLE}", flush=True)
            began = perf_counter()
            figures = row.measure(room)
            for figure in figures:
                print("  " + "  ".join(figure.cells()), flush=True)
            print(f"  ({perf_counter() - began:.0f} s)", flush=True)
            missed += [figure.what for figure in figures if not figure.met]
            sections[name] = results.section(name, row.TITLE, row.NOTE, figures, machine)
            results.write(path, {name: sections[name] for name in names if name in sections})
    print(f"{len(missed)} targets missed" + "".join(f"\n  {what}" for what in missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
