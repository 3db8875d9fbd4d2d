"""The example of a deployment fits the program: its file can be used, and its commands, options and paths exist."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import typer.main
from balchat_ui_cli.program import application

from balchat_host.loader.deployment_check import check_deployment

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "deployment"
INSTALLED = "/opt/balchat/bin/balchat"


def known(line: str) -> str:
    """Return the command that a line runs. The program must know it and its options."""
    command = typer.main.get_command(application())
    words = shlex.split(line)
    path = []
    while hasattr(command, "commands"):
        path.append(words.pop(0))
        command = command.commands[path[-1]]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
    return " ".join(path)


def test_its_file_can_be_used_and_locks_what_it_says(tmp_path: Path) -> None:
    text = (FOLDER / "balchat.toml").read_text()
    assert "pin = true" in text
    # What is pinned comes from wheels; here, it is installed from the checkout.
    unpinned = tmp_path / "balchat.toml"
    unpinned.write_text(text.replace("pin = true", "pin = false"))
    found = check_deployment(unpinned)
    assert found.problems == ()
    assert (found.policy, found.works_as) == ("both", "both")
    settings = {view.key: view for view in found.settings}
    for locked in ("plugins.enabled", "plugins.pin", "delivery.policy", "settings.network_tor.tor"):
        assert settings[locked].locked_by is not None
    assert settings["delivery.read_receipts"].locked_by is None
    assert settings["plugins.versions"].value == {view.name: "0.1" for view in found.plugins}


def test_its_unit_runs_commands_that_there_are() -> None:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # systemd's keys have capitals
    parser.read(FOLDER / "balchat.service")
    service = parser["Service"]
    for key, command in (("ExecStartPre", "deployment check"), ("ExecStart", "up")):
        program, line = service[key].split(" ", 1)
        assert (program, known(line)) == (INSTALLED, command)
    assert service["StateDirectoryMode"] == "0700"


def test_its_image_copies_what_there_is_and_runs_commands_that_there_are() -> None:
    recipe = (FOLDER / "Containerfile").read_text()
    sources = re.findall(r"^COPY (?!--from)(\S+) ", recipe, re.MULTILINE)
    assert [source for source in sources if source != "dist/" and not (ROOT / source).is_file()] == []
    (line,) = re.findall(r"^CMD \[(.*)\]$", recipe, re.MULTILINE)
    assert known(line.replace('"', "").replace(",", "")) == "up"
    assert known(re.findall(r"^RUN balchat (.*)$", recipe, re.MULTILINE)[0]) == "deployment check"
    assert known(re.findall(r" balchat (init .*)$", recipe, re.MULTILINE)[0]) == "init"


def test_its_page_has_people_type_commands_that_there_are() -> None:
    page = (FOLDER / "README.md").read_text()
    typed = re.findall(r"^ {4}balchat (.*)$", page, re.MULTILINE) + re.findall(
        rf"{INSTALLED} (.*)$", page, re.MULTILINE
    )
    assert [known(line) for line in typed] == ["deployment check", "init", "code"]
    for name in ("balchat.toml", "balchat.service"):
        assert name in page
