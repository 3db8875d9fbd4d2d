"""Make mls-rs-py as it is released, and use it as others will: `make dist`, which the release workflow calls.

Of the checkout comes an sdist, and of that alone everything else. The wheel is linked by zig against an old glibc,
so that no container is needed; it is audited, installed in a clean environment of each CPython that is here, and
tested there with the tests of the sdist. Then the sdist is installed where there is nothing but pip, cargo and a
C compiler. Whatever is wrong ends the run. Both files are left in dist/.

The tools come from dist.lock, into an environment that is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BINDING = ROOT / "bindings" / "mls_rs_py"
OUT = ROOT / "dist"
# Rust's own floor for Linux.
MANYLINUX = "manylinux_2_17"
OLDEST = (3, 11)
# A Python says what it is: its version, whether it has the interpreter lock that the wheel's interface needs.
ASK = (
    "import platform, sys, sysconfig; free = bool(sysconfig.get_config_var('Py_GIL_DISABLED'));"
    "print(platform.python_implementation(), *sys.version_info[:3], 'free-threaded' if free else 'locked')"
)
# What somebody does first: nothing of the checkout is needed for it.
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


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> None:
    """Run a command, loudly, with nothing of this checkout in its way. Raises CalledProcessError."""
    print("$", *command, flush=True)
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "RUSTFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"NO_COLOR": "1"} | variables
    subprocess.run(command, cwd=cwd, env=environment, check=True)


def expect(holds: object, what: str) -> None:
    """End the run unless something holds."""
    if not holds:
        sys.exit(f"dist: {what}")


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


def tools(scratch: Path) -> Path:
    """Install what is needed here; give its folder of programs."""
    environment = scratch / "tools"
    venv.create(environment, with_pip=True)
    pip = (environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--requirement", ROOT / "scripts" / "dist.lock")
    return environment / "bin"


def make_sdist(programs: Path, scratch: Path) -> tuple[Path, Path]:
    """Make the sdist; give it, and where it is unpacked."""
    run(programs / "maturin", "sdist", "--manifest-path", BINDING / "Cargo.toml", "--out", scratch / "out")
    (sdist,) = (scratch / "out").glob("*.tar.gz")
    run("tar", "-xzf", sdist, "-C", scratch)
    return sdist, scratch / sdist.name.removesuffix(".tar.gz")


def make_wheel(programs: Path, source: Path, scratch: Path) -> Path:
    """Make the wheel of the unpacked sdist."""
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    build = ("build", "--quiet", "--release", "--locked", "--zig", "--compatibility", MANYLINUX)
    where = ("--target-dir", BINDING / "target" / "dist", "--out", scratch / "out")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    # Panics name the file that they are in: not where the builder has it.
    run(
        programs / "maturin", *build, *where, cwd=source, PATH=path, RUSTFLAGS=f"--remap-path-prefix={cargo_home}=cargo"
    )
    (wheel,) = (scratch / "out").glob("*.whl")
    return wheel


def audit(programs: Path, wheel: Path, sdist: Path, source: Path) -> None:
    """Hold the wheel to its name, and look for all that has to be in it."""
    run(programs / "auditwheel", "show", wheel)
    run(programs / "abi3audit", "--strict", "--summary", wheel)
    run(programs / "twine", "check", "--strict", wheel, sdist)
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    (information,) = {name.split("/")[0] for name in contents if ".dist-info/" in name}
    tag = f"Tag: cp{OLDEST[0]}{OLDEST[1]}-abi3-{MANYLINUX}_{platform.machine()}"
    expect(tag in contents[f"{information}/WHEEL"].decode().splitlines(), f"the wheel is not tagged {tag}")
    for name in ("py.typed", "_mls_rs_py.pyi", "_mls_rs_py.abi3.so"):
        expect(f"mls_rs_py/{name}" in contents, f"{name} is not in the wheel")
    bill = json.loads(contents[f"{information}/sboms/mls-rs-py.cyclonedx.json"])
    expect(bill["bomFormat"] == "CycloneDX", "the bill of materials is no CycloneDX")
    listed = {(each["name"], each["version"]) for each in bill["components"]}
    crates = {each["name"]: each["version"] for each in tomllib.loads((source / "Cargo.lock").read_text())["package"]}
    for name in tomllib.loads((source / "Cargo.toml").read_text())["dependencies"]:
        expect((name, crates[name]) in listed, f"{name} is not in the bill of materials")
    home = str(Path.home()).encode()
    expect(home not in contents["mls_rs_py/_mls_rs_py.abi3.so"], "the library names the builder's folders")
    size = f"{wheel.stat().st_size:,} octets, {sum(map(len, contents.values())):,} unpacked"
    print(f"{wheel.name}: {size}, {len(listed)} crates in the bill of materials")


def test(programs: Path, wheel: Path, source: Path, scratch: Path, python: str) -> None:
    """Run the tests of the sdist against the wheel, in an environment with nothing else."""
    environment, copy = scratch / "environment", scratch / "copy"
    run(programs / "uv", "venv", "--quiet", "--python", python, environment)
    # Only the tests, and what they read: no import may find the package's sources.
    copy.mkdir(parents=True)
    for name in ("README.md", "docs", "fuzz", "interop", "tests"):
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, copy / name)
    needs = tomllib.loads((source / "pyproject.toml").read_text())["dependency-groups"]["test"]
    pins = ("--constraint", ROOT / "requirements.lock")
    inside = environment / "bin" / "python"
    run(programs / "uv", "pip", "install", "--quiet", "--python", inside, *pins, wheel, *needs)
    run(inside, "-P", "-c", CONVERSATION, cwd=copy)
    # What needs other implementations or a type checker is for `make test`.
    left_out = ("--ignore", "tests/test_interop.py", "--ignore", "tests/test_typing.py")
    run(inside, "-P", "-m", "pytest", "-q", "-W", "error", *left_out, "tests", cwd=copy)


def install_sdist(sdist: Path, scratch: Path) -> None:
    """Build and use the sdist where there is nothing but pip, cargo and a C compiler."""
    environment = scratch / "plain"
    venv.create(environment, with_pip=True)
    cargo = shutil.which("cargo")
    expect(cargo, "there is no cargo")
    path = os.pathsep.join((str(Path(str(cargo)).parent), "/usr/bin", "/bin"))
    python = environment / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir")
    run(*pip, sdist, cwd=scratch, PATH=path)
    run(python, "-P", "-c", CONVERSATION, cwd=scratch, PATH=path)


def main() -> None:
    """Do all of it, and say how long each part took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", help="test with this one instead of every CPython found")
    arguments = parser.parse_args()
    took: dict[str, float] = {}
    begun = time.monotonic()

    def timed(what: str) -> None:
        nonlocal begun
        took[what], begun = time.monotonic() - begun, time.monotonic()

    with tempfile.TemporaryDirectory(prefix="mls-rs-py-") as name:
        scratch = Path(name)
        programs = tools(scratch)
        timed("tools")
        sdist, source = make_sdist(programs, scratch)
        wheel = make_wheel(programs, source, scratch)
        timed("sdist and wheel")
        audit(programs, wheel, sdist, source)
        timed("audit")
        chosen = {each: each for each in arguments.python or ()} or pythons()
        expect(chosen, "there is no CPython to test with")
        for version, python in chosen.items():
            test(programs, wheel, source, scratch / version.replace("/", "-"), python)
            timed(f"tests on {version}")
        install_sdist(sdist, scratch)
        timed("sdist on a clean machine, from nothing")
        OUT.mkdir(exist_ok=True)
        for made in (sdist, wheel):
            shutil.copy(made, OUT)
    print("\n" + "\n".join(f"{seconds:7.1f} s  {what}" for what, seconds in took.items()))
    print(f"{OUT}: {sdist.name}, {wheel.name}")


if __name__ == "__main__":
    main()
