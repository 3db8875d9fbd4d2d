"""Make all sdists and wheels from a copy of the sources.

What is built depends on the sources and the versions of the tools alone: not on the folder, the clock, the user's
umask or what was built before.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from scripts.dist.tools import BINDING, ROOT, TOOLS, WORKSPACE, run, unpack

MANYLINUX = "manylinux_2_17"
"""Rust's own floor for Linux. zig links against a glibc so old, so that no container is needed."""
_EPOCH = "315532800"
"""The first second that a zip file can name. A constant, so that sources without a history give the same files."""
_LEFT_OUT = shutil.ignore_patterns(
    ".*_cache", ".hypothesis", "__pycache__", "*.so", "*.egg-info", "node_modules", "target"
)


def copy_sources(to: Path, umask: int) -> None:
    """Copy what the distributions are built from, with the modes that a checkout gets with this umask."""
    to.mkdir(parents=True)
    for file in (*ROOT.glob("LICENSE*"), ROOT / "README.md", ROOT / "pyproject.toml"):
        shutil.copy(file, to)
    for folder in ("balchat_host", *(member for member in WORKSPACE if member != ".")):
        shutil.copytree(ROOT / folder, to / folder, ignore=_LEFT_OUT)
    for path in (to, *to.rglob("*")):
        path.chmod((0o777 if path.is_dir() or path.stat().st_mode & 0o100 else 0o666) & ~umask)


def build_everything(source: Path, scratch: Path, out: Path, *, umask: int = 0o022, kept: Path | None = None) -> None:
    """Build all distributions of the sources in `source`. Raise CalledProcessError.

    With `kept`, a folder, the binding is built only if this very sdist was not built there before.
    """
    for member in WORKSPACE:
        if member != BINDING:
            backend = ("--no-build-isolation", "--python", TOOLS / "python", "--out-dir", out, source / member)
            _build(source, TOOLS / "uv", "build", "--quiet", *backend, umask=umask)
    manifest = source / BINDING / "Cargo.toml"
    _build(source, TOOLS / "maturin", "sdist", "--manifest-path", manifest, "--out", out, umask=umask)
    (sdist,) = out.glob("mls_rs_py-*.tar.gz")
    made = scratch / "made" if kept is None else kept / _fingerprint(sdist)
    if not any(made.glob("*.whl")):
        unpack(sdist, scratch / "unpacked")
        wheel = _build_wheel(scratch / "unpacked" / sdist.name.removesuffix(".tar.gz"), scratch, umask=umask)
        made.mkdir(parents=True)
        shutil.move(wheel, made)
    (wheel,) = made.glob("*.whl")
    shutil.copy(wheel, out)


def _fingerprint(sdist: Path) -> str:
    """Return what stands for a wheel before it is built: its sdist and the tools."""
    rust = subprocess.run(["rustc", "--version"], capture_output=True, check=True).stdout
    return hashlib.sha256(sdist.read_bytes() + (ROOT / "scripts" / "dist.lock").read_bytes() + rust).hexdigest()


def _build_wheel(source: Path, scratch: Path, *, umask: int) -> Path:
    """Build the binding's wheel from its unpacked sdist."""
    target, out = scratch / "target", scratch / "cargo"
    # A panic names the file that it is in: not where the builder has it. mimalloc is C.
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    folders = {cargo_home: "/cargo", str(source): "/source", str(target): "/target"}
    rust = " ".join(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())
    c = " ".join(f"-ffile-prefix-map={folder}={name}" for folder, name in folders.items())
    how = ("--quiet", "--release", "--locked", "--zig", "--compatibility", MANYLINUX, "--target-dir", target)
    _build(source, TOOLS / "maturin", "build", *how, "--out", out, umask=umask, RUSTFLAGS=rust, CFLAGS=c)
    (wheel,) = out.glob("*.whl")
    # maturin puts a bill of materials into the wheel that names the builder's folder.
    _build(source, TOOLS / "wheel", "unpack", "--dest", out, wheel, umask=umask)
    (content,) = (path for path in out.iterdir() if path.is_dir())
    (bill,) = content.glob("*.dist-info/sboms/*.json")
    bill.write_text(bill.read_text().replace(f"path+file://{source}", "path+file:///source"))
    _build(source, TOOLS / "wheel", "pack", "--dest-dir", out, content, umask=umask)
    return wheel


def _build(source: Path, *command: str | Path, umask: int, **variables: str) -> None:
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    run(*command, cwd=source, umask=umask, SOURCE_DATE_EPOCH=_EPOCH, PATH=path, CARGO_INCREMENTAL="0", **variables)
