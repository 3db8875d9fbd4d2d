"""Programs of other front ends: listed by metadata, started alone, and refused with what to type."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from balchat_host.loader.schema import STANDARD_PLUGINS
from tests.support.announcing import announce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

PLUGIN = """
import pathlib
from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl

(pathlib.Path(__file__).parent / "{name} was imported").touch()

def program(profiles, arguments):
    "A program."
    {body}

@hookimpl
def balchat_front_ends():
    return [FrontEndDescriptor(name="{name}", summary="S", api_version=1, {what})]

async def connect(context, settings):
    return None
"""
SAY = 'print("pigeon", profiles.profile().name, list(arguments), list(profiles.own_arguments)); return 5'
STANDARD = [
    "storage_sqlcipher",
    "crypto_mls",
    "network_tor",
    "transport_tor_direct",
    "transport_relay",
    "ui_rpc",
    "ui_cli",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    install(folder, "ui_pigeon", SAY, "program=program")
    install(folder, "ui_deaf", "return 0", "connect=connect", announced=False)
    return folder


def install(folder: Path, name: str, body: str, what: str, *, announced: bool = True) -> None:
    """Install a distribution with one plugin, which may announce that it has a program."""
    distribution = f"balchat-{name.replace('_', '-')}"
    announce(folder, {name: name}, distribution=distribution)
    information = folder / f"{distribution}-1.0.dist-info"
    with (information / "METADATA").open("a") as file:
        file.write(f"Summary: About {distribution}\n")
    if announced:
        with (information / "entry_points.txt").open("a") as file:
            file.write(f"[balchat.programs.v1]\n{name} = {name}\n")
    (folder / f"{name}.py").write_text(PLUGIN.format(name=name, body=body, what=what))


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Run:
    def balchat(
        *arguments: str, enabled: tuple[str, ...] = ("ui_pigeon", "ui_deaf")
    ) -> subprocess.CompletedProcess[str]:
        listed = ", ".join(f'"{name}"' for name in (*STANDARD, *enabled))
        home = tmp_path / "balchat"
        for profile in ("default", "work"):
            (home / profile).mkdir(parents=True, exist_ok=True)
            (home / profile / "balchat.toml").write_text(f"plugins.enabled = [{listed}]\n" if enabled else "")
        return subprocess.run(
            [sys.executable, "-m", "balchat_host", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(folder), "XDG_DATA_HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )

    return balchat


def was_imported(folder: Path) -> set[str]:
    return {path.name.removesuffix(" was imported") for path in folder.glob("* was imported")}


def test_help_lists_what_is_announced_and_imports_none_of_it(run: Run, folder: Path) -> None:
    told = run("--help")
    assert told.stdout.partition("Other front ends:")[2].split(maxsplit=1) == ["pigeon", "About balchat-ui-pigeon\n"]
    assert was_imported(folder) == set()
    assert "pigeon" not in run("--help", enabled=()).stdout


def test_a_name_that_the_program_does_not_have_starts_that_plugin_alone(run: Run, folder: Path) -> None:
    told = run("pigeon", "--port", "80", "--help", "--", "--profile", "x")
    assert (told.stdout, told.stderr, told.returncode) == (
        "pigeon default ['--port', '80', '--help', '--', '--profile', 'x'] []\n", "", 5,
    )  # fmt: skip
    assert was_imported(folder) == {"ui_pigeon"}


@pytest.mark.parametrize(
    "line",
    [
        ["--profile", "work", "pigeon", "now"],
        ["pigeon", "now", "--profile=work"],
        ["pigeon", "--profile", "work", "now"],
    ],
)
def test_the_profile_is_the_hosts(run: Run, line: list[str]) -> None:
    assert run(*line).stdout == "pigeon work ['now'] ['--profile=work']\n"


def test_what_is_set_on_the_line_is_the_hosts_too(run: Run) -> None:
    said = run("pigeon", "--set", "delivery.policy=direct-only", "--json").stdout
    assert said == "pigeon default ['--json'] ['--set=delivery.policy=direct-only']\n"


def test_it_gets_its_own_settings_whatever_is_wrong_elsewhere_and_no_other_plugin_is_imported(
    run: Run, folder: Path
) -> None:
    own = 'make_dataclass("Own", [("size", int, 1)], frozen=True)'
    body = f'from dataclasses import make_dataclass; print(profiles.own_settings("ui_pigeon", {own})); return 0'
    (folder / "ui_pigeon.py").write_text(PLUGIN.format(name="ui_pigeon", body=body, what="program=program"))
    told = run("pigeon", "--set", "settings.ui_pigeon.size=3", "--set", "delivery.policy=nonsense")
    assert told.stdout == "Own(size=3)\n"
    assert was_imported(folder) == {"ui_pigeon"}
    told = run("pigeon", "--set", "settings.ui_pigeon.size=wide")
    assert "settings.ui_pigeon.size" in told.stderr
    assert told.returncode == 8


def test_the_programs_own_commands_win(run: Run, folder: Path) -> None:
    install(folder, "ui_version", "return 9", "program=program")
    told = run("version", enabled=("ui_version",))
    assert (told.stdout, told.returncode) == ("balchat 0.1.0\n", 0)
    assert was_imported(folder) == set()


def test_one_that_is_not_enabled_says_what_to_write_where(run: Run, folder: Path, tmp_path: Path) -> None:
    told = run("pigeon", enabled=())
    listed = ", ".join(f'"{name}"' for name in (*STANDARD_PLUGINS, "ui_pigeon"))
    assert told.stderr == (
        "balchat: The plugin ui_pigeon (balchat-ui-pigeon 1.0) cannot be used: it is installed and not enabled. To "
        f"enable it, write under [plugins] in {tmp_path}/balchat/default/balchat.toml: enabled = [{listed}].\n"
    )
    assert told.returncode == 9
    assert was_imported(folder) == set()


@pytest.mark.parametrize(
    ("line", "enabled", "code", "told"),
    [
        ("deaf", ("ui_deaf",), 9, "it has no program that a person starts."),
        ("absent", ("ui_absent",), 9, " brings it"),
        ("nonsense", (), 2, "No such command 'nonsense'."),
        ("doctr", (), 2, "Did you mean 'doctor'?"),
    ],
)
def test_what_cannot_be_started_says_why(run: Run, line: str, enabled: tuple[str, ...], code: int, told: str) -> None:
    said = run(line, enabled=enabled)
    assert told in said.stderr
    assert said.returncode == code


def test_one_that_fails_is_named(run: Run, folder: Path) -> None:
    (folder / "ui_pigeon.py").write_text(PLUGIN.format(name="ui_pigeon", body="raise KeyError", what="program=program"))
    told = run("pigeon", "--json")
    assert '"plugin"' in told.stderr
    assert "its program raised KeyError" in told.stderr
    assert told.returncode == 9


def test_help_tells_of_what_the_host_takes(run: Run) -> None:
    assert "--set KEY=VALUE" in run("--help").stdout
