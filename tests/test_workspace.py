"""The workspace is in order: every distribution is complete, and the lock covers what each declares."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import grimp
import pytest
from balchat_network_tor.settings import TorSettings
from balchat_transport_tor_direct.settings import DirectSettings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = [ROOT, *(ROOT / member for member in WORKSPACE["tool"]["uv"]["workspace"]["members"])]
PLUGINS = [folder for folder in FOLDERS if folder.parent.name == "plugins"]
LOCKED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
}


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


OURS = {canonicalize_name(project(folder)["name"]): project(folder)["version"] for folder in FOLDERS}


def requirements(folder: Path) -> list[Requirement]:
    metadata = project(folder)
    extras = metadata.get("optional-dependencies", {}).values()
    return [
        Requirement(line) for line in [*metadata.get("dependencies", []), *(one for extra in extras for one in extra)]
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_distribution_introduces_itself_and_names_the_licence(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith("# ")
    assert project(folder)["version"] in (folder / "CHANGELOG.md").read_text()
    assert project(folder)["license"] == "MIT OR Apache-2.0"
    assert {path.name for path in folder.glob("LICENSE*") if path.is_file()} == {
        "LICENSE",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    }
    assert project(folder)["requires-python"] == ">=3.11"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_lock_satisfies_what_a_distribution_declares(folder: Path) -> None:
    for requirement in requirements(folder):
        name = canonicalize_name(requirement.name)
        found = OURS.get(name) or LOCKED.get(name)
        assert found, f"requirements.lock lacks {name}: run make lock"
        assert requirement.specifier.contains(found), f"requirements.lock has {name} {found}: run make lock"


def test_the_lock_satisfies_the_development_tools() -> None:
    for line in WORKSPACE["dependency-groups"]["dev"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)]), "run make lock"


@pytest.mark.parametrize("lock", ["requirements.lock", "scripts/install.lock"])
def test_the_lock_names_no_address_and_hashes_everything(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert all("--hash=sha256:" in entry and "://" not in entry for entry in entries)


def test_what_is_installed_is_what_is_tested_and_is_complete() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    installed = re.split(r"\n(?=\S)", (ROOT / "scripts" / "install.lock").read_text().strip())
    assert set(installed) <= set(entries), "run make lock"
    names = {canonicalize_name(entry.partition("==")[0]) for entry in installed}
    for folder in FOLDERS:
        for line in project(folder).get("dependencies", []):
            name = canonicalize_name(Requirement(line).name)
            assert name in names | set(OURS), f"scripts/install.lock lacks {name}: run make lock"


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_is_announced_under_its_own_name_and_comes_with_the_standard_set(folder: Path) -> None:
    announced = project(folder)["entry-points"]["balchat.plugins.v1"]
    assert announced == {folder.name: f"balchat_{folder.name}.plugin"}
    assert f"{project(folder)['name']}=={OURS['balchat-host']}" in project(ROOT)["optional-dependencies"]["standard"]


def test_nothing_of_the_projects_own_plugins_is_imported_unless_enabled() -> None:
    script = (
        "import sys; from balchat_host.loader.plugins import discover;"
        "names = [record.name for record in discover([])]; assert 'network_tor' in names, names;"
        "print(sorted({name.partition('.')[0] for name in sys.modules if name.startswith('balchat_')}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert run.stdout == "['balchat_common', 'balchat_host']\n"


def test_the_network_leaves_it_to_the_transport_whose_stream_makes_room() -> None:
    # Where the network turned away what comes next, whoever holds enough idle streams would keep all contacts out.
    streams = DirectSettings()
    assert TorSettings().max_incoming >= 1.5 * (streams.max_streams + streams.max_handshakes)


@pytest.mark.parametrize("package", [*WORKSPACE["tool"]["importlinter"]["root_packages"], "mls_rs_py"])
def test_no_module_needs_itself(package: str) -> None:
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    TopologicalSorter({each: graph.find_modules_directly_imported_by(each) for each in graph.modules}).prepare()
