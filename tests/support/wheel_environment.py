"""An environment in which nothing of ours is editable: distributions are built as wheels and installed, offline.

What others publish, and the binding, lies there as links to where the tests themselves find it.
"""

import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def members() -> list[Path]:
    """Return the folders of every distribution of ours in Python alone."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    return [ROOT / member for member in (".", *workspace["members"]) if not (ROOT / member / "Cargo.toml").exists()]


class WheelEnvironment:
    """An environment in `folder`, with all of ours in it."""

    def __init__(self, folder: Path) -> None:
        self._wheels = folder / "wheels"
        self._environment = folder / "environment"
        uv("venv", "--python", sys.executable, str(self._environment))
        site = next(self._environment.glob("lib/python*/site-packages"))
        binding = ROOT / "bindings" / "mls_rs_py" / "mls_rs_py"
        for path in (binding, *Path(sysconfig.get_path("purelib")).iterdir()):
            if not path.name.startswith(("balchat", "_virtualenv")) and path.suffix != ".pth":
                (site / path.name).symlink_to(path)
        self.install(members())

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"

    @property
    def programs(self) -> Path:
        """Where its programs are."""
        return self._environment / "bin"

    def install(self, sources: Sequence[Path]) -> None:
        """Build a wheel of each source, and install them."""
        for source in sources:
            uv("build", "--wheel", "--no-build-isolation", "--out-dir", str(self._wheels), str(source))
        wheels = [str(next(self._wheels.glob(f"{name_of(source)}-*.whl"))) for source in sources]
        uv("pip", "install", "--python", str(self.python), "--no-deps", *wheels)

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run its interpreter in a folder, to the end."""
        command = [str(self.python), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def name_of(source: Path) -> str:
    """Return how a distribution's files begin."""
    name: str = tomllib.loads((source / "pyproject.toml").read_text())["project"]["name"]
    return name.replace("-", "_")


def uv(*arguments: str) -> None:
    """Run uv, offline, quietly where it works. Raise CalledProcessError."""
    command = [sys.executable, "-m", "uv", *arguments, "--quiet", "--offline"]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix}
    subprocess.run(command, check=True, env=environment)
