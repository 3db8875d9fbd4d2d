"""What must be true of the files, whoever installs them."""

from __future__ import annotations

import json
import platform
import tarfile
import tomllib
import zipfile
from pathlib import Path

from scripts.dist.bill import BILL, locked_versions
from scripts.dist.build import MANYLINUX
from scripts.dist.tools import BINDING, ROOT, TOOLS, WORKSPACE, expect, run


def check_everything(out: Path, scratch: Path) -> None:
    """Check all wheels and sdists in a folder that were built below `scratch`. Raise SystemExit."""
    wheels, sdists = sorted(out.glob("*.whl")), sorted(out.glob("*.tar.gz"))
    for kind, files in (("wheel", wheels), ("sdist", sdists)):
        expect(len(files) == len(WORKSPACE), f"there is not one {kind} for each of the {len(WORKSPACE)} distributions")
    run(TOOLS / "twine", "check", "--strict", *wheels, *sdists)
    for archive in (*wheels, *sdists):
        content = _contents(archive)
        _check_names_no_folder(archive, content, scratch)
        expect(any(name.endswith("/LICENSE-MIT") for name in content), f"{archive.name} has no licence")
    for wheel in wheels:
        expect(any(name.endswith("/py.typed") for name in _contents(wheel)), f"{wheel.name} has no py.typed")
    _check_bill(out)
    (binding,) = (wheel for wheel in wheels if wheel.name.startswith("mls_rs_py-"))
    _check_binding(binding)


def _check_names_no_folder(archive: Path, content: dict[str, bytes], scratch: Path) -> None:
    for folder in {str(scratch), str(Path.home()), str(ROOT)} - {"/"}:
        for name, octets in content.items():
            expect(f"{folder}/".encode() not in octets, f"{archive.name}: {name} names the builder's folder {folder}")


def _check_bill(out: Path) -> None:
    listed = {(each["name"], each["version"]) for each in json.loads((out / BILL).read_text())["components"]}
    for name, version in locked_versions().items():
        expect((name, version) in listed, f"{name} is not in the bill of materials")
    manifest = tomllib.loads((ROOT / BINDING / "Cargo.toml").read_text())
    crates = tomllib.loads((ROOT / BINDING / "Cargo.lock").read_text())["package"]
    for crate in crates:
        if crate["name"] in manifest["dependencies"]:
            found = any((each["name"], each["version"]) in listed for each in crates if each["name"] == crate["name"])
            expect(found, f"{crate['name']} is not in the bill of materials")
    print(f"{BILL}: {len(listed)} packages and crates")


def _check_binding(wheel: Path) -> None:
    """Hold the binding's wheel to its name."""
    run(TOOLS / "auditwheel", "show", wheel)
    run(TOOLS / "abi3audit", "--strict", "--summary", wheel)
    content = _contents(wheel)
    (tags,) = (octets.decode() for name, octets in content.items() if name.endswith(".dist-info/WHEEL"))
    tag = f"Tag: cp311-abi3-{MANYLINUX}_{platform.machine()}"
    expect(tag in tags.splitlines(), f"the wheel is not tagged {tag}")
    for name in ("_mls_rs_py.pyi", "_mls_rs_py.abi3.so"):
        expect(f"mls_rs_py/{name}" in content, f"{name} is not in the wheel")


def _contents(archive: Path) -> dict[str, bytes]:
    """Return the files of a wheel or an sdist."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(archive) as opened:
        files = ((each.name, opened.extractfile(each)) for each in opened)
        return {name: file.read() for name, file in files if file is not None}
