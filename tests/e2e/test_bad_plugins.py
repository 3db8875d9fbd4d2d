"""Plugins that fail, in the real program: each is named with its distribution and version, and the rest of it works."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.announcing import announce, search_path
from tests.support.people import Person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fork_server import ForkServer
    from tests.support.programs import Said

USUAL = ["storage_sqlcipher", "crypto_mls", "network_null", "transport_tor_direct", "ui_rpc", "ui_cli"]
ORIGIN = "balchat-brittle 1.0"
CONFIGURATION = """\
[plugins]
enabled = {enabled}
network = "network_null"
start_timeout_seconds = 2
{more}
[settings.network_null]
directory = "{network}"
"""
FRONT_END = """
import sys
from dataclasses import dataclass

import anyio

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.frontend import FrontEnd
from balchat_host.api.hookspecs import hookimpl

@dataclass(frozen=True)
class Settings:
    {setting}

class Brittle(FrontEnd):
    def __init__(self, context, settings):
        {factory}

    async def run(self, app, *, task_status):
        {run}

    async def child(self):
        await anyio.sleep(0)
        sys.exit(3)

@hookimpl
def balchat_front_ends():
    return [FrontEndDescriptor(
        name="brittle", summary="Fails", api_version=1, settings=Settings, factory=Brittle
    )]
"""
CHILD = """
        task_status.started()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.child)
            await anyio.sleep_forever()
"""
STORAGE = """
from balchat_host.api.descriptors import StorageDescriptor
from balchat_host.api.hookspecs import hookimpl

def make(settings):
    {factory}

@hookimpl
def balchat_storages():
    return [StorageDescriptor(name="brittle", summary="Fails", api_version=1, factory=make)]
"""
CRYPTO = STORAGE.replace("StorageDescriptor", "CryptoDescriptor").replace("balchat_storages", "balchat_crypto_engines")


def front_end(*, setting: str = "pass", factory: str = "pass", run: str = "task_status.started()") -> str:
    return FRONT_END.format(setting=setting, factory=factory, run=run)


MakePerson = Callable[..., Person]


@pytest.fixture
def with_plugin(town: Path, fork_server: ForkServer) -> Iterator[MakePerson]:
    """Makes people who have enabled a plugin called "brittle" with this source: `with_plugin(source, more)`."""
    site = town / "site"
    announce(site, {"brittle": "brittle_plugin"}, distribution="balchat-brittle")
    path = search_path(site)
    with ExitStack() as stack:

        def make(source: str, more: str = "", environment: dict[str, str] | None = None) -> Person:
            text = CONFIGURATION.format(enabled=json.dumps(USUAL), network=town / "net", more="")
            variables = {"PYTHONPATH": path} | (environment or {})
            somebody = Person(town, "Alice", configuration=text, environment=variables, server=fork_server)
            stack.enter_context(somebody).init()
            text = CONFIGURATION.format(enabled=json.dumps([*USUAL, "brittle"]), network=town / "net", more=more)
            somebody.configure(text)
            (site / "brittle_plugin.py").write_text(source)
            return somebody

        yield make


def refused(said: Said, exit_code: int, code: str) -> str:
    """Check what a command with --json failed with; return its message."""
    assert (said.code, said.error["code"]) == (exit_code, code), said.err
    return said.error["message"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (front_end(factory="raise KeyError('a name')"), "its factory raised KeyError"),
        (front_end(factory="sys.exit(3)"), "its factory raised SystemExit"),
        (front_end(run="raise KeyError('a name')"), "run() raised KeyError"),
        (front_end(run="sys.exit(3)"), "run() raised SystemExit"),
        (front_end(run=CHILD), "run() raised SystemExit"),
        (front_end(run="await anyio.sleep_forever()"), "run() has not called started() within 2 s"),
        (front_end(), "run() returned"),
        ("import loft_of_nobody", "importing brittle_plugin raised ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "importing brittle_plugin raised SystemExit"),
        (front_end().replace("api_version=1", "api_version=99"), "is made for version 99"),
    ],
    ids=lambda value: "" if "\n" in value else value,
)
def test_a_plugin_that_fails_is_named_and_the_rest_comes_up(with_plugin: MakePerson, source: str, problem: str) -> None:
    alice = with_plugin(source)
    alice.up(listen=False)
    alice.wait_online()
    heard = alice.states.until(lambda status: problem in (status["plugins"]["brittle"]["reason"] or "")).value
    assert ORIGIN in heard["plugins"]["brittle"]["reason"]
    assert heard["plugins"]["brittle"]["phase"] == "degraded"
    shown = alice.balchat("status").out
    assert problem in shown
    assert ORIGIN in shown
    assert "a name" not in shown
    alice.down()


def test_starting_in_the_background_says_which_plugin_failed(with_plugin: MakePerson) -> None:
    alice = with_plugin(front_end(factory="raise KeyError('a name')"))
    said = alice.balchat("up", "--detach", unlock=True)
    try:
        assert (said.code, said.err) == (0, "")
        assert "Online." in said.out
        assert f"brittle: degraded: {ORIGIN}: its factory raised KeyError" in said.out
    finally:
        assert alice.balchat("down").code == 0


def test_an_account_whose_network_never_starts_can_be_used_and_ended(with_plugin: MakePerson) -> None:
    source = """
import anyio

from balchat_host.api.descriptors import NetworkDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.testing.virtual_network import VirtualNetwork

def make(context, settings):
    node = VirtualNetwork().node()

    async def hang(*, task_status):
        await anyio.sleep_forever()

    node.run = hang
    return node

@hookimpl
def balchat_networks():
    return [NetworkDescriptor(name="brittle", summary="Fails", api_version=1, factory=make)]
"""
    alice = with_plugin(source)
    text = (alice.profile / "balchat.toml").read_text().replace('network = "network_null"', 'network = "brittle"')
    alice.configure(text.replace('"network_null", ', ""))  # which is refused beside another network
    alice.up(listen=False)
    heard = alice.states.until(lambda status: status["network"]["brittle"]["phase"] == "degraded").value
    assert heard["network"]["brittle"]["reason"].startswith(f"{ORIGIN}: run() has not called started() within 2 s")
    assert alice.ask("contacts", "list") == []
    alice.down()


@pytest.mark.parametrize(("role", "source"), [("storage", STORAGE), ("crypto", CRYPTO)])
@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("raise KeyError('a name')", "its factory raised KeyError"),
        ("raise SystemExit", "its factory raised SystemExit"),
        ("return 'rubbish'", "its factory raised TypeError"),
    ],
)
def test_a_plugin_that_the_account_cannot_do_without_is_named(
    with_plugin: MakePerson, role: str, source: str, factory: str, problem: str
) -> None:
    alice = with_plugin(source.format(factory=factory), f'{role} = "brittle"\n')
    for command in ("up", "contacts list"):
        message = refused(alice.balchat(*command.split(), "--json", unlock=True), 9, "plugin")
        assert message == f"The plugin brittle ({ORIGIN}) cannot be used: {problem}."


def test_what_keeps_an_account_in_the_background_from_being_reached_is_said(with_plugin: MakePerson) -> None:
    alice = with_plugin(front_end())
    enabled = '"ui_rpc", '
    alice.configure((alice.profile / "balchat.toml").read_text().replace(enabled, ""))
    message = refused(alice.balchat("up", "--detach", "--json", unlock=True), 6, "socket-unusable")
    assert "no front end serves" in message


def test_doctor_names_what_is_broken_and_what_the_policy_comes_to(with_plugin: MakePerson) -> None:
    alice = with_plugin("raise KeyError('a name')")
    found = {check["name"]: check for check in alice.balchat("doctor", "--json").values}
    assert found["plugins"]["finding"].endswith("delivery policy both, works as direct-only")
    assert found["brittle"]["problem"]["what"].startswith(f"{ORIGIN}: importing brittle_plugin raised KeyError")


@pytest.mark.parametrize("failure", ["raise KeyError('a name')", "raise SystemExit"])
def test_doctor_looks_at_the_rest_where_one_plugin_fails(with_plugin: MakePerson, failure: str) -> None:
    alice = with_plugin(STORAGE.format(factory=failure), 'storage = "brittle"\n')
    found = {check["name"]: check for check in alice.balchat("doctor", "--json").values}
    assert f"The plugin brittle ({ORIGIN}) cannot be used" in found["vault"]["problem"]["what"]
    assert [name for name, check in found.items() if check["problem"] is not None] == ["vault"]
    assert found["socket"]["finding"] == "balchat is not running"


# -- tracebacks


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("source", [STORAGE.format(factory="raise KeyError('a name')"), "raise KeyError('a name')"])
def test_the_traceback_of_a_plugin_is_shown_to_who_wants_it(with_plugin: MakePerson, source: str, wanted: bool) -> None:
    alice = with_plugin(source, 'storage = "brittle"\n', {"BALCHAT_TRACEBACK": "1"} if wanted else None)
    said = alice.balchat("contacts", "list", unlock=True)
    assert said.code == 9
    assert ("brittle_plugin.py" in said.err and "Traceback" in said.err) is wanted
    assert said.err.splitlines()[-1].startswith("balchat: The plugin brittle (balchat-brittle 1.0) cannot be used: ")


# -- settings that a person has to give


def test_a_required_setting_that_is_missing_is_named_with_the_place_for_it(with_plugin: MakePerson) -> None:
    alice = with_plugin(front_end(setting="loft: str", run="await anyio.sleep_forever()"))
    for command in (["config", "check"], ["settings", "list"], ["up"]):
        message = refused(alice.balchat(*command, "--json", unlock=command == ["up"]), 8, "configuration")
        assert message == (
            f"{alice.profile / 'balchat.toml'}: settings.brittle.loft: it is not set, and brittle needs it; "
            "set loft under [settings.brittle]. Allowed: a text."
        )
    with (alice.profile / "balchat.toml").open("a") as file:
        file.write('[settings.brittle]\nloft = "above the stable"\n')
    assert alice.balchat("config", "check").code == 0
    assert (
        alice.balchat("--set", "settings.brittle.loft=5", "config", "check", "--json").error["code"] == "configuration"
    )
