"""Each example is built as a wheel, installed in an environment of its own, and its tests pass there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts.template_examples import EXAMPLES, make
from tests.support.wheel_environment import WheelEnvironment, Wheelhouse

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    return Wheelhouse(tmp_path_factory.mktemp("wheels"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_tests_pass_where_it_is_installed(folder: Path, wheelhouse: Wheelhouse, tmp_path: Path) -> None:
    environment = WheelEnvironment(tmp_path / "environment", wheelhouse, [folder])
    # Beside the tests, its source would be found before what is installed.
    shutil.copytree(folder / "tests", tmp_path / "tests")
    shutil.copy(folder / "pyproject.toml", tmp_path)
    ran = environment.run("-m", "pytest", "--quiet", "-p", "no:cacheprovider", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_command_makes_is_in_the_examples_as_it_makes_it(example: str, tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, str]:
        paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        here = [path for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)]
        return {str(path): (folder / path).read_text() for path in here}

    # After a change of a template: python -m scripts.template_examples
    assert files(ROOT / "examples" / example) == files(make(example, tmp_path))


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
