"""What `make dist` says of two builds that are not the same, and how it unpacks what it has built."""

import importlib.util
import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "dist" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compare, tools = _module("compare"), _module("tools")


def wheel(folder: Path, *, text: str = "x = 1\n", mode: int = 0o644, names: tuple[str, ...] = ("a.py", "b.py")) -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / "thing-1.whl", "w") as archive:
        for name in names:
            information = zipfile.ZipInfo(name)
            information.external_attr = (mode if name == "b.py" else 0o644) << 16
            archive.writestr(information, text if name == "b.py" else "")


def sdist(folder: Path, *, mtime: int = 0) -> None:
    folder.mkdir()
    with tarfile.open(folder / "thing-1.tar.gz", "w:gz") as archive:
        information = tarfile.TarInfo("thing-1/a.py")
        information.mtime = mtime
        archive.addfile(information, io.BytesIO())


def test_two_builds_that_are_the_same_have_no_differences(tmp_path: Path) -> None:
    wheel(tmp_path / "one")
    wheel(tmp_path / "two")
    assert compare.differences(tmp_path / "one", tmp_path / "two") == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text": "x = 2\n"}, "thing-1.whl differs: b.py"),
        ({"mode": 0o600}, "thing-1.whl differs: b.py"),
        ({"names": ("b.py", "a.py")}, "thing-1.whl differs: the order of what is in it"),
        ({"names": ("a.py",)}, "thing-1.whl differs: b.py"),
    ],
)
def test_the_file_within_a_wheel_that_differs_is_named(changed: dict[str, object], said: str, tmp_path: Path) -> None:
    wheel(tmp_path / "one")
    wheel(tmp_path / "two", **changed)
    assert compare.differences(tmp_path / "one", tmp_path / "two") == [said]


def test_a_time_within_an_sdist_and_a_file_that_was_built_only_once_are_differences(tmp_path: Path) -> None:
    sdist(tmp_path / "one", mtime=1)
    sdist(tmp_path / "two", mtime=2)
    (tmp_path / "two" / "more-1.whl").write_bytes(b"")
    assert compare.differences(tmp_path / "one", tmp_path / "two") == [
        "more-1.whl was built only once",
        "thing-1.tar.gz differs: thing-1/a.py",
    ]


def test_an_archive_is_unpacked_also_by_python_3_11_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def as_in_debian_12(filename: Path, extract_dir: Path) -> None:
        with tarfile.open(filename) as archive:
            archive.extractall(extract_dir)  # made here

    sdist(tmp_path / "one")
    monkeypatch.setattr(shutil, "unpack_archive", as_in_debian_12)
    tools.unpack(tmp_path / "one" / "thing-1.tar.gz", tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "thing-1" / "a.py").is_file()
