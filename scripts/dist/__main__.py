"""Build, compare, check and try: `python -m scripts.dist [--once]`. The result is in dist/."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from scripts.dist.bill import write_bill, write_sums
from scripts.dist.build import build_everything, copy_sources
from scripts.dist.checks import check_everything
from scripts.dist.compare import differences
from scripts.dist.tools import ROOT, fail
from scripts.dist.trials import try_everything

OUT = ROOT / "dist"


class Clock:
    """Says how long each part took."""

    def __init__(self) -> None:
        self._took: dict[str, float] = {}
        self._begun = time.monotonic()

    def __call__(self, what: str) -> None:
        """Take the time since the last call."""
        now = time.monotonic()
        self._took[what], self._begun = now - self._begun, now

    def __str__(self) -> str:
        return "\n".join(f"{seconds:7.1f} s  {what}" for what, seconds in self._took.items())


def build(scratch: Path, *, umask: int, kept: Path | None = None) -> Path:
    """Build what is in the folder `source`; return the folder with the files."""
    out = scratch / "out"
    out.mkdir()
    build_everything(scratch / "source", scratch, out, umask=umask, kept=kept)
    write_bill(out)
    write_sums(out)
    return out


def publish(out: Path) -> None:
    """Put the files into dist/, and nothing else."""
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(out, OUT)
    for path in OUT.iterdir():
        path.chmod(0o644)


def build_once() -> None:
    """Build what is not built yet."""
    with tempfile.TemporaryDirectory(prefix="balchat-dist-") as scratch:
        copy_sources(Path(scratch, "source"), 0o022)
        publish(build(Path(scratch), umask=0o022, kept=ROOT / "build" / "binding"))


def build_twice() -> None:
    """Do all of it, and say how long each part took. Raise SystemExit when anything is wrong."""
    took = Clock()
    with tempfile.TemporaryDirectory(prefix="balchat-dist-") as scratch:
        one, two = Path(scratch, "one"), Path(scratch, "two", "in-a-longer-path")
        copy_sources(one / "source", 0o022)
        copy_sources(two / "source", 0o077)
        first = build(one, umask=0o022)
        took("first build")
        second = build(two, umask=0o077)
        took("second build")
        if different := differences(first, second):
            fail("two builds of the same sources are not the same:\n  " + "\n  ".join(different))
        took("comparison")
        check_everything(first, Path(scratch))
        took("checks")
        try_everything(first, Path(scratch, "trials"), took)
        publish(first)
    names = sorted(path.name for path in OUT.iterdir())
    print(f"\n{took}\n{OUT}: {len(names)} files, the same in both builds\n  " + "\n  ".join(names))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--once", action="store_true", help="build once, and neither compare nor check")
    if parser.parse_args().once:
        build_once()
    else:
        build_twice()


if __name__ == "__main__":
    main()
