"""What the steps share: the project's folders, the programs that are used, and how a command is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
WORKSPACE: tuple[str, ...] = (".", *tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"])
"""The folders of all distributions, relative to the project's."""
BINDING = "bindings/mls_rs_py"
TOOLS = Path(sys.prefix) / "bin"
# What an environment may hold that would change what is built.
_HIDDEN = ("CFLAGS", "LDFLAGS", "PYTHONPATH", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "VIRTUAL_ENV")


def run(*command: str | Path, cwd: Path = ROOT, umask: int = -1, **variables: str) -> None:
    """Run a command, loudly, with nothing of this checkout in its way. Raise CalledProcessError."""
    print("$", *command, flush=True)
    environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    environment |= {"NO_COLOR": "1"} | variables
    subprocess.run(command, cwd=cwd, env=environment, umask=umask, check=True)


def unpack(sdist: Path, into: Path) -> None:
    """Unpack an archive that was made here. One of somebody else's would need a filter."""
    # Python 3.11.2, which Debian 12 has, knows no `filter` yet.
    shutil.unpack_archive(sdist, into)


def fail(what: str) -> NoReturn:
    """End the run. Raise SystemExit."""
    sys.exit(f"dist: {what}")


def expect(holds: object, what: str) -> None:
    """End the run unless something holds. Raise SystemExit."""
    if not holds:
        fail(what)
