"""balchat as somebody installs it: from a folder of wheels, for a user with a home of their own, without a network."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Whatever asks for a package gets no answer.
NOWHERE = "http://127.0.0.1:9"
NO_NETWORK = dict.fromkeys(("ALL_PROXY", "HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"), NOWHERE)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a home, and what they type at a shell."""

    home: Path
    python: str
    """The Python that they have, which the wheels are for."""

    @property
    def programs(self) -> Path:
        """Where programs of their own lie."""
        return self.home / ".local" / "bin"

    def types(self, *command: str | Path, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as they would; it may fail."""
        environment = NO_NETWORK | {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([*filter(None, [path]), "/usr/bin", "/bin"]),
        }
        return subprocess.run(
            command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    def has(self) -> set[str]:
        """Return what lies in their home."""
        return {path.relative_to(self.home).as_posix() for path in self.home.rglob("*")}


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of wheels that `make wheelhouse` makes; nothing is built if nothing changed."""
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    subprocess.run(["make", "--silent", "wheelhouse"], cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)
    return ROOT / "wheelhouse"


@pytest.fixture
def stick(built: Path, tmp_path: Path) -> Path:
    """A copy of the folder, as on a memory stick."""
    return Path(shutil.copytree(built, tmp_path / "stick"))


@pytest.fixture
def user(built: Path, tmp_path: Path) -> User:
    """Somebody who has nothing but a Python."""
    home = tmp_path / "alice"
    home.mkdir()
    made_with = (built.parent / "build" / "tools" / "pyvenv.cfg").read_text()
    (folder,) = re.findall(r"^home = (.*)$", made_with, re.MULTILINE)
    return User(home, f"{folder}/python3")
