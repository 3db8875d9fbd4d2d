"""What an operator deploys fits the program: commands, options, folders, files."""

import re
import shlex
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer.main
from balchat_relay.program import app

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "relay" / "server" / "deploy"
INSTALLED = "/opt/balchat-relay/bin/balchat-relay"


def command_of(line: str) -> tuple[str, list[str]]:
    """Return a command of the program that a line runs, and its options. The program must know them."""
    name, *arguments = shlex.split(line)
    typer.main.get_group(app).commands[name].make_context(name, list(arguments))
    return name, arguments


def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # systemd's keys have capitals
    parser.read(DEPLOY / "balchat-relay.service")
    return parser


def test_the_unit_runs_the_relay_on_its_own_folder() -> None:
    service = unit()["Service"]
    program, line = service["ExecStart"].split(" ", 1)
    assert program == INSTALLED
    assert command_of(line) == ("run", ["--folder", "%S/balchat-relay"])
    assert (service["StateDirectory"], service["StateDirectoryMode"], service["UMask"]) == (
        "balchat-relay",
        "0700",
        "0077",
    )


def test_the_page_about_deploying_says_what_the_unit_needs() -> None:
    page = (DEPLOY / "README.md").read_text()
    made = re.search(rf"{INSTALLED} (init .*)", page)
    assert made is not None
    assert command_of(made[1]) == ("init", ["--folder", "/var/lib/balchat-relay"])
    named = {"".join(name) for name in re.findall(r"`([a-zA-Z.-]+\.(?:service|sh))`|`(Containerfile)`", page)}
    assert named >= {"balchat-relay.service", "Containerfile"}
    assert all((DEPLOY / name).is_file() for name in named)


def test_the_image_copies_what_there_is_and_starts_the_relay() -> None:
    recipe = (DEPLOY / "Containerfile").read_text()
    sources = re.findall(r"^COPY (?!--from)(\S+) ", recipe, re.MULTILINE)
    assert "dist/" in sources
    assert all(source == "dist/" or (ROOT / source).is_file() for source in sources)
    declared = (ROOT / "relay" / "server" / "pyproject.toml").read_text()
    wheels = {each.replace("_", "-") for each in re.findall(r"/build/dist/(\w+)-\*\.whl", recipe)}
    assert wheels == {"balchat-relay", *re.findall(r'^ +"(balchat-[a-z-]+)', declared, re.MULTILINE)}
    shown = re.search(r"podman exec relay balchat-relay (.*)", recipe)
    assert shown is not None
    assert command_of(shown[1]) == ("address", ["--qr"])


@pytest.mark.parametrize("new", [True, False])
def test_a_new_volume_gets_a_relay_and_an_old_one_keeps_its_own(tmp_path: Path, *, new: bool) -> None:
    """With a program in its place that only says how it was called."""
    program, folder, said = tmp_path / "bin" / "balchat-relay", tmp_path / "volume", tmp_path / "said"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    program.chmod(0o755)
    folder.mkdir()
    if not new:
        (folder / "onion.key").touch()
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin", "BALCHAT_RELAY_FOLDER": str(folder)}
    subprocess.run([str(DEPLOY / "start.sh")], env=environment, check=True)
    assert said.read_text().splitlines() == (["init"] if new else []) + ["run"]
    for line in said.read_text().splitlines():
        command_of(line)
