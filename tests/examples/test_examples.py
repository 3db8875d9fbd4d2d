"""Each example is built as a wheel, installed in an environment of its own, and its tests pass there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.wheel_environment import WheelEnvironment

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironment:
    environment = WheelEnvironment(tmp_path_factory.mktemp("installed"))
    environment.install(FOLDERS)
    return environment


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_tests_pass_where_it_is_installed(folder: Path, environment: WheelEnvironment, tmp_path: Path) -> None:
    # Beside the tests, its source would be found before what is installed.
    shutil.copytree(folder / "tests", tmp_path / "tests")
    shutil.copy(folder / "pyproject.toml", tmp_path)
    ran = environment.run("-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-k", "not trio", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_folder_transport_is_that_of_its_page() -> None:
    page = (ROOT / "docs" / "plugin-author" / "transport.md").read_text()
    files = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(files) == 3
    for name, text in files:
        assert (ROOT / "examples" / "transport_drop" / name).read_text() == text, name


def test_every_example_is_in_the_table() -> None:
    page = (ROOT / "examples" / "README.md").read_text()
    there = {path.parent.name for path in (ROOT / "examples").glob("*/README.md")}
    assert set(re.findall(r"^\| \[(\w+)\]\(\1/\)", page, re.MULTILINE)) == there
