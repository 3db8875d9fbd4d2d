"""The bill of materials: what a release holds and what it is installed with, as CycloneDX, the same for each build."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from datetime import UTC, datetime
from email.parser import HeaderParser
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot5
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.dist.tools import ROOT, expect

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

BILL = "balchat.cdx.json"
SUMS = "SHA256SUMS"


def write_sums(out: Path) -> None:
    """Write the checksums of all files of a folder, as `sha256sum --check` takes them."""
    files = sorted(path for path in out.iterdir() if path.name != SUMS)
    (out / SUMS).write_text("".join(f"{_digest(path)}  {path.name}\n" for path in files))


def write_bill(out: Path) -> None:
    """Write the bill of materials of the wheels and sdists in a folder. Raise SystemExit when it is not valid."""
    released = [_released(wheel, out) for wheel in sorted(out.glob("*.whl"))]
    locked = [_python(name, version) for name, version in locked_versions().items()]
    rust = _rust(out)
    by_name = {each.name: each for each in (*released, *locked)}

    bill = Bom(components=[*released, *locked, *rust.components])
    bill.metadata.timestamp = datetime(1980, 1, 1, tzinfo=UTC)
    bill.metadata.component = whole = Component(
        name="balchat", version=by_name["balchat-host"].version, type=ComponentType.APPLICATION, bom_ref="balchat"
    )
    bill.register_dependency(whole, released)
    for wheel in out.glob("*.whl"):
        metadata = _metadata(wheel)
        needs = [Requirement(line).name for line in metadata.get_all("Requires-Dist", [])]
        needed = [by_name[name] for name in map(canonicalize_name, needs) if name in by_name]
        bill.register_dependency(by_name[canonicalize_name(metadata["Name"])], needed)
    for dependency in rust.dependencies:
        bill.dependencies.add(dependency)
    crate = rust.metadata.component
    expect(crate is not None, "the binding's wheel has no bill of materials")
    if crate is not None:
        bill.components.add(crate)
        bill.register_dependency(by_name["mls-rs-py"], [crate])
    bill.serial_number = uuid5(NAMESPACE_URL, "".join(_digest(path) for path in sorted(out.iterdir())))

    text = JsonV1Dot5(bill).output_as_string(indent=2)
    expect(JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None, "the bill of materials is not valid")
    (out / BILL).write_text(text + "\n")


def locked_versions() -> dict[str, str]:
    """Return the version of every package that an installation takes from elsewhere."""
    lines = (ROOT / "scripts" / "install.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lines, re.MULTILINE))


def _released(wheel: Path, out: Path) -> Component:
    """Describe a distribution of ours, with its files."""
    metadata = _metadata(wheel)
    name, version = canonicalize_name(metadata["Name"]), metadata["Version"]
    component = _python(name, version)
    for path in sorted(out.glob(f"{name.replace('-', '_')}-{version}*")):
        component.components.add(
            Component(
                name=path.name,
                type=ComponentType.FILE,
                bom_ref=path.name,
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_digest(path))],
            )
        )
    return component


def _python(name: str, version: str) -> Component:
    address = PackageURL(type="pypi", name=name, version=version)
    return Component(name=name, version=version, type=ComponentType.LIBRARY, purl=address, bom_ref=str(address))


def _rust(out: Path) -> Bom:
    """Return what maturin wrote down of the crates within the binding."""
    (wheel,) = out.glob("mls_rs_py-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/sboms/mls-rs-py.cyclonedx.json"))
        return Bom.from_json(json.loads(archive.read(name)))  # type: ignore[attr-defined]  # added by its decorator


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
