"""What `make dist` says of two builds that are not the same."""

import importlib.util
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("compare", ROOT / "scripts" / "dist" / "compare.py")
assert _SPEC is not None
assert _SPEC.loader is not None
compare = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(compare)


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
