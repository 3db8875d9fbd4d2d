"""Environments in which nothing of ours is editable: distributions are built as wheels once, and installed, offline.

What others publish, and the binding, lies in them as links to where the tests themselves find it. Of ours an
environment has what it was made for, and what that declares.
"""

import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]


@cache
def members() -> dict[str, Path]:
    """Return the folders of every distribution of ours in Python alone, by name."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    folders = [ROOT / member for member in (".", *workspace["members"])]
    return {name_of(folder): folder for folder in folders if not (folder / "Cargo.toml").exists()}


class Wheelhouse:
    """Wheels in a folder, each built once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wheel(self, source: Path) -> Path:
        """Return the wheel of a source."""
        stem = name_of(source).replace("-", "_")
        if not list(self._folder.glob(f"{stem}-*.whl")):
            uv("build", "--wheel", "--no-build-isolation", "--out-dir", str(self._folder), str(source))
        return next(self._folder.glob(f"{stem}-*.whl"))


class WheelEnvironment:
    """An environment in `folder`, with what lies in `sources`, and with what that declares."""

    def __init__(self, folder: Path, wheelhouse: Wheelhouse, sources: Sequence[Path]) -> None:
        self._environment = folder
        uv("venv", "--python", sys.executable, str(self._environment))
        site = next(self._environment.glob("lib/python*/site-packages"))
        binding = ROOT / "bindings" / "mls_rs_py" / "mls_rs_py"
        for path in (binding, *Path(sysconfig.get_path("purelib")).iterdir()):
            if not path.name.startswith(("balchat", "_virtualenv")) and path.suffix != ".pth":
                (site / path.name).symlink_to(path)
        wheels = {wheelhouse.wheel(each) for source in sources for each in (source, *declared(source))}
        uv("pip", "install", "--python", str(self.python), "--no-deps", *map(str, sorted(wheels)))

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"

    @property
    def programs(self) -> Path:
        """Where its programs are."""
        return self._environment / "bin"

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run its interpreter in a folder, to the end."""
        command = [str(self.python), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def declared(source: Path) -> list[Path]:
    """Return the folders of what a distribution declares of ours, its own group `dev` and what those need included."""
    found: dict[str, set[str]] = {}
    open_ends = [*_requirements(source, frozenset()), *_group(source)]
    while open_ends:
        requirement = open_ends.pop()
        known = found.get(requirement.name)
        if requirement.name not in members() or (known is not None and requirement.extras <= known):
            continue
        found[requirement.name] = (known or set()) | requirement.extras
        open_ends += _requirements(members()[requirement.name], frozenset(found[requirement.name]))
    return [members()[name] for name in found]


def _requirements(source: Path, extras: frozenset[str]) -> Iterator[Requirement]:
    project = _project(source)["project"]
    optional = project.get("optional-dependencies", {})
    for each in (*project.get("dependencies", ()), *(each for extra in extras for each in optional.get(extra, ()))):
        yield Requirement(each)


def _group(source: Path) -> list[Requirement]:
    return [Requirement(each) for each in _project(source).get("dependency-groups", {}).get("dev", ())]


def _project(source: Path) -> dict[str, Any]:
    return tomllib.loads((source / "pyproject.toml").read_text())


def name_of(source: Path) -> str:
    """Return the name of a distribution."""
    name: str = _project(source)["project"]["name"]
    return name


def uv(*arguments: str) -> None:
    """Run uv, offline, quietly where it works. Raise CalledProcessError."""
    command = [sys.executable, "-m", "uv", *arguments, "--quiet", "--offline"]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix}
    subprocess.run(command, check=True, env=environment)
