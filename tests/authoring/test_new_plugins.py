"""What `balchat plugins new` makes is whole: each kind is built, installed, typed, formatted, and its tests pass."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import PluginKind
from balchat_host.authoring.scaffold import distribution_name, new_plugin
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.schema import STANDARD_PLUGINS
from scripts.template_examples import EXAMPLES
from tests.support.wheel_environment import WheelEnvironment, Wheelhouse

if TYPE_CHECKING:
    from pathlib import Path

NAME = "pigeon_post"
# The others are tested in environments of their own, as examples (tests/examples).
TESTED_HERE = sorted(set(PluginKind) - {kind for kind, _ in EXAMPLES.values()})

KINDS = {
    f"transport_{NAME}": "transport",
    f"ui_{NAME}": "front end",
    f"network_{NAME}": "network",
    f"storage_{NAME}": "storage",
    f"crypto_{NAME}": "crypto",
}
LISTING = """
import json, sys
from balchat_host.loader.plugins import discover

found = [record for record in discover(sys.argv[1:]) if record.enabled]
print(json.dumps({record.name: [each.kind for each in record.registered] or record.problem for record in found}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[PluginKind, Path]:
    """A plugin of each kind."""
    parent = tmp_path_factory.mktemp("made")
    return {kind: new_plugin(kind, NAME, parent) for kind in PluginKind}


@pytest.fixture(scope="module")
def environment(made: dict[PluginKind, Path], tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironment:
    """An environment in which all of them are installed."""
    folder = tmp_path_factory.mktemp("installed")
    return WheelEnvironment(folder / "environment", Wheelhouse(folder / "wheels"), list(made.values()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", TESTED_HERE)
def test_its_own_tests_pass_where_it_is_installed(
    made: dict[PluginKind, Path], environment: WheelEnvironment, kind: PluginKind, tmp_path: Path
) -> None:
    # Beside the tests, its source would be found before what is installed.
    shutil.copytree(made[kind] / "tests", tmp_path / "tests")
    shutil.copy(made[kind] / "pyproject.toml", tmp_path)
    ran = environment.run("-m", "pytest", "--quiet", "-p", "no:cacheprovider", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_installed_ones_are_listed_with_their_kinds(
    made: dict[PluginKind, Path], environment: WheelEnvironment, tmp_path: Path
) -> None:
    ran = environment.run("-c", LISTING, *KINDS, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {name: [kind] for name, kind in KINDS.items()}


@pytest.mark.parametrize("name", ["a", NAME, "a23456789_123456789_12345"[:24]])
def test_it_is_of_one_format_whatever_its_name(name: str, tmp_path: Path) -> None:
    for kind in PluginKind:
        folder = new_plugin(kind, name, tmp_path)
        for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
            ran = subprocess.run(
                [sys.executable, "-m", "ruff", *command, folder], capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, ran.stdout


@pytest.mark.slow
def test_its_types_are_clean(made: dict[PluginKind, Path]) -> None:
    # All at once, each as its own `pyproject.toml` asks for it.
    for folder in made.values():
        asked = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["pyright"]
        assert asked["typeCheckingMode"] == "strict"
        assert {(folder / each).is_dir() for each in asked["include"]} == {True}
    configuration = {
        "include": [folder.name for folder in made.values()],
        "executionEnvironments": [{"root": folder.name} for folder in made.values()],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    file = made[PluginKind.STORAGE].parent / "pyrightconfig.json"
    file.write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--project", file, "--pythonpath", sys.executable]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert found["generalDiagnostics"] == []
    assert found["summary"]["filesAnalyzed"] >= len(list(made[PluginKind.STORAGE].parent.rglob("*.py")))


def test_it_has_what_a_distribution_has(made: dict[PluginKind, Path]) -> None:
    for kind, folder in made.items():
        assert folder.name == distribution_name(kind, NAME)
        text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
        assert "sample" not in text.lower().replace("sampler", "")
        for name in ("README.md", ".gitignore", ".github/workflows/tests.yml"):
            assert (folder / name).is_file()


def test_what_its_page_has_people_write_into_the_configuration_runs_it(
    made: dict[PluginKind, Path], tmp_path: Path
) -> None:
    for kind, folder in made.items():
        if kind is PluginKind.RELAY_STORE:
            continue
        (block,) = re.findall(r"^    \[plugins\]\n(?:    .+\n)+", (folder / "README.md").read_text(), re.MULTILINE)
        (tmp_path / "balchat.toml").write_text(dedent(block))
        enabled = load_configuration(tmp_path, system_file=tmp_path / "none", environment={}).plugins.enabled
        own = {name for name, of in KINDS.items() if of == kind.replace("-", " ")}
        standard = set(STANDARD_PLUGINS)
        assert own <= set(enabled) <= own | standard
        replaced = standard - set(enabled)
        assert all(name.startswith(kind.partition("-")[0]) or name == "transport_relay" for name in replaced), replaced


@pytest.mark.parametrize("name", ["transport_bell", "transport-bell", "balchat-transport-bell", "bell"])
def test_the_prefix_need_not_be_typed_and_may_be(name: str, tmp_path: Path) -> None:
    assert new_plugin(PluginKind.TRANSPORT, name, tmp_path).name == "balchat-transport-bell"


@pytest.mark.parametrize("name", ["", "Bell", "1bell", "bell__tower", "b/../ell", "x" * 25, "glöckchen"])
def test_a_name_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a-z, 0-9, _ and -"):
        new_plugin(PluginKind.TRANSPORT, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = new_plugin(PluginKind.CRYPTO, "bell", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(BadInput, match="it is there already"):
        new_plugin(PluginKind.CRYPTO, "bell", tmp_path)
    assert (folder / "README.md").read_text() == "mine"
    with pytest.raises(BadInput, match="it cannot be written"):
        new_plugin(PluginKind.CRYPTO, "bell", folder / "README.md")


def test_a_name_that_an_installed_plugin_has_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "balchat_host", "plugins", "new", "front-end", "cli", "--dir", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (
        3, "balchat: The name ui_cli: an installed plugin has it; choose another one\n",
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_folder_that_somebody_else_has_made_is_not_written_into(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, made in (("bell", elsewhere), ("gong", tmp_path / "nowhere")):
        (tmp_path / f"balchat-ui-{name}").symlink_to(made)
        with pytest.raises(BadInput, match="there already"):
            new_plugin(PluginKind.FRONT_END, name, tmp_path)
    assert not list(elsewhere.iterdir())
    assert not (tmp_path / "nowhere").exists()
