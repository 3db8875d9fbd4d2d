"""Hold two builds against each other, down to the file within an archive that differs."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def differences(first: Path, second: Path) -> list[str]:
    """Return a line for each file of two folders that the other one lacks or has otherwise."""
    names = [{path.name for path in folder.iterdir()} for folder in (first, second)]
    said = [f"{name} was built only once" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        if (first / name).read_bytes() != (second / name).read_bytes():
            said.append(f"{name} differs: {_inside(first / name, second / name)}")
    return said


def _inside(first: Path, second: Path) -> str:
    """Name what differs within two archives."""
    one, other = _members(first), _members(second)
    changed = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    if changed:
        return ", ".join(changed)
    return "the order of what is in it" if list(one) != list(other) else "only as it is packed"


def _members(archive: Path) -> dict[str, tuple[object, ...]]:
    """Return what an archive says of each of its members, in order; nothing for other files."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            return {each.filename: (opened.read(each), each.external_attr, each.date_time) for each in opened.infolist()}
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            return {each.name: (_content(opened, each), each.mode, each.mtime, each.uid, each.gid) for each in opened}
    return {}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    file = archive.extractfile(member)
    return None if file is None else file.read()
