"""Use the files as others will, where nothing of the checkout is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path

from scripts.dist.tools import ROOT, TOOLS, expect, run, unpack

OLDEST = (3, 11)
# A Python says what it is: its version, whether it has the interpreter lock that the wheel's interface needs.
ASK = (
    "import platform, sys, sysconfig; free = bool(sysconfig.get_config_var('Py_GIL_DISABLED'));"
    "print(platform.python_implementation(), *sys.version_info[:3], 'free-threaded' if free else 'locked')"
)
# What somebody does first with the binding: nothing of the checkout is needed for it.
CONVERSATION = """
import mls_rs_py, sys
from mls_rs_py.testing import make_client
assert mls_rs_py.__file__.startswith(sys.prefix), mls_rs_py.__file__
alice, bob = make_client(b"alice"), make_client(b"bob")
group = alice.create_group()
welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
group.apply_pending_commit()
assert bob.join(welcome).process(group.encrypt(b"hello")).data == b"hello"
"""


def try_everything(out: Path, scratch: Path, took: Callable[[str], None]) -> None:
    """Try the files on each CPython that is here. Raise CalledProcessError, SystemExit."""
    chosen = pythons()
    expect(chosen, "there is no CPython to test with")
    for version, python in chosen.items():
        try_programs(out, scratch / version / "programs", python)
        took(f"the programs on {version}")
        try_binding(out, scratch / version / "binding", python)
        took(f"the binding's tests on {version}")
    (sdist,) = out.glob("mls_rs_py-*.tar.gz")
    try_sdist(sdist, scratch)
    took("the binding's sdist, from nothing")


def pythons() -> dict[str, str]:
    """Find every CPython of this machine that the wheel is for: version to path, the first of each minor version."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = [f"python3.{minor}" for minor in range(OLDEST[1], OLDEST[1] + 10)]
    candidates = [*versions.glob("*/bin/python3"), *filter(None, map(shutil.which, names)), sys.executable]
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for candidate in map(str, candidates):
        asked = subprocess.run([candidate, "-c", ASK], capture_output=True, text=True, check=False)
        if asked.returncode:  # pyenv puts names into the PATH that stand for nothing
            continue
        implementation, major, minor, micro, lock = asked.stdout.split()
        if (implementation, lock) == ("CPython", "locked") and (int(major), int(minor)) >= OLDEST:
            found.setdefault((major, minor), (f"{major}.{minor}.{micro}", candidate))
    return dict(sorted(found.values(), key=lambda each: tuple(map(int, each[0].split(".")))))


def try_programs(out: Path, scratch: Path, python: str) -> None:
    """Install `balchat` and `balchat-relay` from the wheels, and have them say their versions."""
    inside = _environment(scratch, python)
    wheels = ("--find-links", out, "--constraint", ROOT / "scripts" / "install.lock")
    run(TOOLS / "uv", "pip", "install", "--quiet", "--python", inside, *wheels, "balchat-host[standard]", "balchat-relay")
    for command in (("balchat", "version"), ("balchat-relay", "--help")):
        run(inside.with_name(command[0]), *command[1:], cwd=scratch, HOME=str(scratch), XDG_RUNTIME_DIR=str(scratch))


def try_binding(out: Path, scratch: Path, python: str) -> None:
    """Run the tests of the binding's sdist against its wheel, in an environment with nothing else."""
    (sdist,), (wheel,) = out.glob("mls_rs_py-*.tar.gz"), out.glob("mls_rs_py-*.whl")
    unpack(sdist, scratch)
    source, copy = scratch / sdist.name.removesuffix(".tar.gz"), scratch / "copy"
    # Only the tests, and what they read: no import may find the package's sources.
    copy.mkdir()
    for name in ("README.md", "docs", "fuzz", "interop", "tests"):
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, copy / name)
    needs = tomllib.loads((source / "pyproject.toml").read_text())["dependency-groups"]["test"]
    pins = ("--constraint", ROOT / "requirements.lock")
    inside = _environment(scratch, python)
    run(TOOLS / "uv", "pip", "install", "--quiet", "--python", inside, *pins, wheel, *needs)
    run(inside, "-P", "-c", CONVERSATION, cwd=copy)
    # What needs other implementations or a type checker is for `make test`.
    left_out = ("--ignore", "tests/test_interop.py", "--ignore", "tests/test_typing.py")
    run(inside, "-P", "-m", "pytest", "-q", "-W", "error", *left_out, "tests", cwd=copy)


def try_sdist(sdist: Path, scratch: Path) -> None:
    """Build and use the binding's sdist where there is nothing but pip, cargo and a C compiler."""
    environment = scratch / "plain"
    venv.create(environment, with_pip=True)
    cargo = shutil.which("cargo")
    expect(cargo, "there is no cargo")
    path = os.pathsep.join((str(Path(str(cargo)).parent), "/usr/bin", "/bin"))
    python = environment / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir")
    run(*pip, sdist, cwd=scratch, PATH=path)
    run(python, "-P", "-c", CONVERSATION, cwd=scratch, PATH=path)


def _environment(scratch: Path, python: str) -> Path:
    """Make an empty environment; return its Python."""
    run(TOOLS / "uv", "venv", "--quiet", "--python", python, scratch / "environment")
    return scratch / "environment" / "bin" / "python"
