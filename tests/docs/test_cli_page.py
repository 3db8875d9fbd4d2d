"""The page about the command line has every command, field, exit code and variable of the program, and no other."""

import dataclasses
import re

import pytest
import typer.main
from balchat_ui_cli.chat.commands import HELP
from balchat_ui_cli.program import application

from balchat_host.api.errors import type_registry
from balchat_host.api.events import event_types
from balchat_host.api.frontend import DeploymentView, PluginDetails, PluginView, SettingView
from balchat_host.api.types import Check, ServiceState
from balchat_host.api.views import (
    AlarmView,
    CodeView,
    ContactInfoView,
    ContactView,
    ConversationView,
    FileView,
    MessageView,
    OutboxView,
    RelayView,
    RequestView,
    SafetyNumberView,
    ServiceStatus,
)

PAGE = "cli.md"


@pytest.fixture
def section(page):
    """Return what stands under the heading of a command."""

    def find(command):
        for part in re.split(r"^###? ", page(PAGE), flags=re.MULTILINE)[1:]:
            heading = part.partition("\n")[0]
            if any(f"{named} ".startswith(f"{command} ") for named in re.split(r", ", heading)):
                return part
        pytest.fail(f"{command} has no section")

    return find


def commands(group=None, path=""):
    group = group or typer.main.get_command(application())
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_a_section_with_its_own_options_and_its_json(section, name, command):
    text = section(name)
    assert name.split()[-1] in text
    shared = {"--profile", "--json", "--passphrase-fd", "--passphrase-file", "--recovery-code", "--help", "--detached"}
    for parameter in command.params:
        for option in {*parameter.opts} - shared:
            if option.startswith("--"):
                assert f"`{option}" in text or f"[{option}" in text, option
    assert "--json" in text


@pytest.mark.parametrize(
    ("command", "view"),
    [
        ("status", ServiceStatus), ("status", OutboxView), ("status", ServiceState), ("code", CodeView),
        ("contacts list", ContactView), ("contacts verify", SafetyNumberView), ("requests list", RequestView),
        ("info", ContactInfoView), ("info", AlarmView),
        ("history", MessageView), ("conversations list", ConversationView), ("relay list", RelayView),
        ("files list", FileView), ("plugins list", PluginView), ("plugins show", PluginDetails),
        ("deployment check", DeploymentView), ("settings list", SettingView), ("doctor", Check),
        *(("listen", event) for event in event_types.values()),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_every_field_is_named(section, command, view):
    text = section(command)
    for field in dataclasses.fields(view):
        assert re.search(rf"[`\"]{field.name}[`\"]", text), field.name


def test_every_event_is_named(section):
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", section("listen"), re.MULTILINE)
    assert set(rows) == {name for name in event_types if name}


def test_exit_codes_are_those_of_the_errors(page):
    rows = re.findall(r"^\| (\d+) \| .*? \| (.*?) \|$", page(PAGE), re.MULTILINE)
    named = {code: int(exit_code) for exit_code, codes in rows for code in re.findall(r"`([a-z-]+)`", codes)}
    assert named.pop("usage") == 2
    assert named == {code: type_registry[code].exit_code for code in named}
    assert {kind.exit_code for kind in type_registry.values()} <= {int(exit_code) for exit_code, _ in rows}


def test_what_can_be_typed_into_a_chat(section):
    for typed, _ in HELP:
        for spelling in typed.split(", "):
            assert spelling.split(" ")[0] in section("chat")
