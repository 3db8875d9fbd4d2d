"""Test each distribution alone: its own wheel, what it declares, the test tools, and nothing else.

The workspace's shared environment has every dependency of every distribution, so a dependency that one of them
forgot to declare would go unnoticed there. Run through `make test-isolated`; arguments name the distributions to test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = str(Path(sys.executable).with_name("uv"))
# What conftest.py and the tests themselves import; a dependency of the code under test does not belong here.
TEST_TOOLS = ("blockbuster", "hypothesis", "pytest", "pytest-timeout", "trio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One member of the workspace and the folders of its tests."""

    name: str
    folder: Path
    tests: Path
    needs: tuple[str, ...]
    """What its tests need besides, by its own dependency group `test`."""


def distributions() -> list[Distribution]:
    """Every member of the workspace, the root first; but for mls-rs-py, which dist.py tests more thoroughly."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    found: list[Distribution] = []
    for member in (".", *workspace["members"]):
        folder = ROOT / member
        if (folder / "Cargo.toml").exists():
            continue
        declared = tomllib.loads((folder / "pyproject.toml").read_text())
        needs = tuple(declared.get("dependency-groups", {}).get("test", ()))
        # The root's tests folder also holds what crosses distributions; the host's own lie in a room of their own.
        tests = folder / "tests" if member != "." else folder / "tests" / "host"
        found.append(Distribution(name=declared["project"]["name"], folder=folder, tests=tests, needs=needs))
    return found


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a command, loudly; raise CalledProcessError when it fails."""
    print("$", *command, flush=True)
    # PYTHONPATH would let the checkout in by the back door.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, cwd=cwd, env=environment, check=True)


def check(distribution: Distribution, wheels: Path, workshop: Path) -> None:
    """Install the distribution's wheel in an environment of its own and run its tests from a copy."""
    environment, copy = workshop / "venv", workshop / "copy"
    run(UV, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    pins = ("--constraint", "requirements.lock", "--find-links", str(wheels))
    run(UV, "pip", "install", "--quiet", "--python", python, *pins, distribution.name, *TEST_TOOLS, *distribution.needs)
    # A copy, so that no import finds the checkout's sources. Tests in `page` are of sources that no wheel has.
    tests = copy / distribution.tests.relative_to(ROOT)
    shutil.copytree(distribution.tests, tests, ignore=shutil.ignore_patterns("__pycache__", "page"))
    for shared in ("pyproject.toml", "conftest.py", "tests/__init__.py"):
        (copy / shared).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / shared, copy / shared)
    # The pages hold vectors and tables that tests read.
    for shared in ("tests/support", "docs"):
        shutil.copytree(ROOT / shared, copy / shared, ignore=shutil.ignore_patterns("__pycache__"))
    run(python, "-P", "-m", "pytest", "-q", str(tests), cwd=copy)


def main(names: list[str]) -> int:
    """Check the named distributions, or all; the exit code is the number of those that failed."""
    chosen = [each for each in distributions() if not names or each.name in names]
    if unknown := set(names) - {each.name for each in chosen}:
        sys.exit(f"no such distribution: {', '.join(sorted(unknown))}")
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="balchat-isolated-") as scratch:
        wheels = Path(scratch) / "wheels"
        run(UV, "build", "--quiet", "--wheel", "--all-packages", "--no-build-isolation", "--out-dir", str(wheels))
        for distribution in chosen:
            print(f"\n== {distribution.name}", flush=True)
            try:
                check(distribution, wheels, Path(scratch) / distribution.name)
            except (subprocess.CalledProcessError, FileNotFoundError) as problem:
                print(problem)
                failed.append(distribution.name)
    print("\nfailed alone: " + ", ".join(failed) if failed else f"\n{len(chosen)} distributions pass alone")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
