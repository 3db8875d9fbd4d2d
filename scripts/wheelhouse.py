"""Collect what an installation needs, for this Python on this kind of machine: `make wheelhouse`.

    wheelhouse/*.whl          balchat's distributions from dist/, all that they need, and pip
    wheelhouse/install.lock   all of them by name, version and checksum
    wheelhouse/install.py     installs them: copy the folder to where there is no network and run it there

What comes from elsewhere is held to the checksums in scripts/install.lock.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from install import LOCK, machine

ROOT = Path(__file__).parents[1]
OUT = ROOT / "wheelhouse"
SCRIPTS = ROOT / "scripts"


def pip(*arguments: str | Path) -> None:
    """Run pip. Raise CalledProcessError."""
    options = ("--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps")
    subprocess.run([sys.executable, "-m", "pip", arguments[0], *options, *arguments[1:]], check=True)


def fetch(folder: Path) -> None:
    """Fetch, or build where a project publishes no wheel, all that balchat needs, and pip."""
    pip("wheel", "--wheel-dir", folder, "--requirement", SCRIPTS / LOCK)
    (own,) = re.findall(r"^pip==.*\n(?: .*\n)*", (SCRIPTS / "dist.lock").read_text(), re.MULTILINE)
    only = folder / "pip.txt"
    only.write_text(own)
    pip("download", "--dest", folder, "--requirement", only)
    only.unlink()


def entry(wheel: Path) -> str:
    """Return the line of a lock for one wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def main() -> None:
    """Make the folder."""
    with tempfile.TemporaryDirectory(prefix="balchat-wheelhouse-") as scratch:
        folder = Path(scratch, "wheelhouse")
        folder.mkdir()
        fetch(folder)
        for wheel in (ROOT / "dist").glob("*.whl"):
            shutil.copy(wheel, folder)
        lines = [entry(wheel) for wheel in sorted(folder.glob("*.whl")) if not wheel.name.startswith("pip-")]
        (folder / LOCK).write_text("".join([f"# For {machine()}\n", *lines]))
        shutil.copy(SCRIPTS / "install.py", folder)
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree(folder, OUT)
    print(f"{OUT}: {len(lines)} distributions. To install them: python3 {OUT / 'install.py'}")


if __name__ == "__main__":
    main()
