"""The plugin author's pages keep what they promise: no hook is missing, and every snippet runs."""

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import anyio
import pytest

from balchat_host import testing
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import ConfigurationError
from balchat_host.api.events import event_types
from balchat_host.api.frontend.files import Files
from balchat_host.api.hookspecs import HookSpecs
from balchat_host.api.network import Network, NetworkCapability, NetworkContext, PublishedService
from balchat_host.api.storage import KeyValueArea, ReadTransaction, Storage, Transaction, Vault
from balchat_host.api.transport import TransportCapability
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.registration import HOOKS, ask, check
from balchat_host.loader.schema import STANDARD_PLUGINS
from balchat_host.loader.settings import make_settings
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.peer import Peer

INDEX = "plugin-author/index.md"
HOOK_PAGE = "plugin-author/hooks.md"
TESTING = "plugin-author/testing.md"
FRONT_END = "plugin-author/front-end.md"


def section(text, hook):
    """Return the part of a page under a hook's heading."""
    (found,) = re.findall(rf"^## {hook}$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found


def registered(source):
    """Run a snippet as a plugin's module; return the one descriptor that it registers."""
    module = ModuleType("example")
    exec(source, module.__dict__)
    (descriptor,) = ask(module, "example")
    check(descriptor, descriptor.name)
    return descriptor


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_on_the_page_with_its_signature(page, hook):
    signature = inspect.signature(getattr(HookSpecs, hook))
    signature = signature.replace(parameters=[each for each in signature.parameters.values() if each.name != "self"])
    plain = re.sub(r"\w+\.(?=\w)", "", str(signature))
    assert f"```text\n{hook}{plain}\n```" in section(page(HOOK_PAGE), hook)


@pytest.mark.parametrize(("hook", "descriptor"), HOOKS.items())
def test_every_field_of_a_descriptor_is_on_the_page(page, hook, descriptor):
    text = page(HOOK_PAGE)
    common = {item.name for item in dataclasses.fields(descriptor.__mro__[1])}
    for item in dataclasses.fields(descriptor):
        where = text.partition("\n## ")[0] if item.name in common else section(text, hook)
        assert f"| `{item.name}` |" in where


def test_the_page_has_no_hook_that_does_not_exist(page):
    assert re.findall(r"^## (\w+)$", page(HOOK_PAGE), re.MULTILINE) == list(HOOKS)


@pytest.mark.parametrize(("hook", "expected"), HOOKS.items())
def test_the_example_of_every_hook_on_the_page_registers(page, hook, expected):
    (source,) = re.findall(r"^```python\n(.*?)^```$", section(page(HOOK_PAGE), hook), re.DOTALL | re.MULTILINE)
    assert isinstance(registered(source), expected)


@pytest.mark.parametrize(("hook", "expected"), HOOKS.items())
def test_the_example_in_every_hooks_docstring_registers(hook, expected):
    text = inspect.getdoc(getattr(HookSpecs, hook))
    source = dedent("".join(re.findall(r"^(?: {4}.*)?\n?", text, re.MULTILINE)))
    assert isinstance(registered(source), expected)


@pytest.fixture(scope="module")
def first_plugin(blocks, tmp_path_factory):
    """Build and install the plugin of the index page from its files, as they stand there."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for block in blocks(INDEX):
        if block.file:
            (source / block.file).parent.mkdir(exist_ok=True)
            (source / block.file).write_text(block.text)
    options = ["--quiet", "--offline", "--no-deps", "--no-build-isolation", "--target", target, source]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", *options], check=True)
    return target


@pytest.fixture
def installed(first_plugin, monkeypatch):
    """Have the first plugin on the path."""
    monkeypatch.syspath_prepend(str(first_plugin))
    yield
    sys.modules.pop("balchat_ui_ping", None)


def ping_of(enabled):
    """Discover; return the record of the first plugin."""
    (record,) = [record for record in discover(enabled) if record.name == "ui_ping"]
    return record


@pytest.fixture
def configured(blocks, tmp_path):
    """Load the page's configuration with one more line."""
    (text,) = [block.text for block in blocks(INDEX, "toml") if not block.file and "[plugins]" in block.text]

    def run(more=""):
        (tmp_path / "balchat.toml").write_text(f"{text}\n{more}")
        return load_configuration(tmp_path, system_file=tmp_path / "none", environment={})

    return run


def test_the_first_plugin_is_installed_and_not_enabled(installed):
    (view,) = ping_of(STANDARD_PLUGINS[:0]).views()
    assert (view.distribution, view.version, view.summary) == ("balchat-ui-ping", "0.1.0", "Answers every ping.")
    assert not view.enabled
    assert "balchat_ui_ping" not in sys.modules


def test_the_first_plugin_is_enabled_by_the_pages_configuration(installed, configured):
    configuration = configured()
    assert configuration.plugins.enabled == (*STANDARD_PLUGINS, "ui_ping")
    (descriptor,) = ping_of(["ui_ping"]).usable()
    settings = make_settings("ui_ping", descriptor.settings, configuration.settings["ui_ping"])
    assert settings.answer == "here I am"
    assert descriptor.factory("context", settings)


def test_the_error_on_the_page_is_the_one_that_people_see(installed, configured, page, tmp_path):
    (descriptor,) = ping_of(["ui_ping"]).usable()
    configuration = configured()
    given = {"answer": replace(configuration.settings["ui_ping"]["answer"], value="")}
    with pytest.raises(ConfigurationError) as caught:
        make_settings("ui_ping", descriptor.settings, given)
    shown = str(caught.value).replace(str(tmp_path), "/home/ana/.local/share/balchat/default")
    assert f"```text\n{shown}\n```" in page(INDEX)


def test_the_pages_test_of_the_first_plugin_passes(installed, blocks):
    (test,) = [block.text for block in blocks(INDEX, "python") if block.file == "tests/test_ping.py"]
    names = {}
    exec(test, names)
    anyio.run(names["test_a_ping_is_answered"])


YEAR = 365 * 24 * 3600


@pytest.fixture
async def bot(installed):
    """Run the page's bot with an account until nothing is left to do: `await bot(alice)`."""
    module = importlib.import_module("balchat_ui_ping")

    async def run(account):
        async with anyio.create_task_group() as tasks:
            await tasks.start(module.Ping(None, module.PingSettings()).run, account.app)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    return run


@pytest.mark.anyio
async def test_whoever_was_blocked_or_removed_meanwhile_does_not_stop_the_pages_bot(bot):
    alice = MemoryAccount("Alice")
    bob, carol, dave = alice.befriend("Bob"), alice.befriend("Carol"), alice.befriend("Dave")
    for peer in (bob, carol, dave):
        peer.write("ping")
    await alice.app.contacts.block("Bob")
    await alice.app.contacts.remove("Carol")
    await bot(alice)
    dave.receive()
    assert dave.heard == ["pong"]


@pytest.mark.anyio
async def test_the_pages_bot_goes_on_when_events_are_gone(bot):
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    await bot(alice)
    bob.write("ping")
    alice.pass_time(YEAR)
    await bot(alice)
    bob.write("ping")
    await bot(alice)
    bob.receive()
    assert bob.heard == ["pong"]


def test_the_testing_pages_conversation_is_one(blocks):
    (test,) = [block.text for block in blocks(TESTING, "python") if block.file]
    names = {}
    exec(test, names)
    anyio.run(names["test_a_conversation"])


@pytest.mark.parametrize(
    ("file", "test"),
    [("tests/test_files.py", "test_files_go_and_come"), ("tests/test_greeting.py", "test_a_change_holds_at_once")],
)
def test_the_examples_of_the_page_for_front_ends_work(blocks, file, test):
    (source,) = [block.text for block in blocks(FRONT_END, "python") if block.file == file]
    names = {"__name__": "example"}
    exec(source, names)
    anyio.run(names[test])


@pytest.mark.parametrize("name", sorted(Files.__abstractmethods__))
def test_every_method_of_files_is_on_the_page_for_front_ends(page, name):
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", page(FRONT_END))


def test_the_testing_pages_test_of_a_program_passes(blocks, tmp_path, capsys):
    def main(profiles, arguments):
        async def listed():
            async with await profiles.profile().connect() as app:
                return await app.contacts.list()

        sys.stdout.writelines(contact.name for contact in anyio.run(listed))
        return 0

    (test,) = [block.text for block in blocks(TESTING, "python") if not block.file]
    names = {"main": main}
    exec(test, names)
    names["test_contacts"](tmp_path, capsys)


@pytest.mark.parametrize("kind", [MemoryAccount, Peer])
def test_everything_that_a_test_can_do_to_an_account_is_on_the_testing_page(page, kind):
    missing = {
        member
        for member, value in vars(kind).items()
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    } - set(re.findall(r"\w+", page(TESTING)))
    assert missing <= {"follow", "notice", "kept", "name", "peer_id", "onion"}, "what is left out needs no words"


def test_no_snippet_on_the_pages_is_left_out(blocks):
    assert len(blocks(TESTING, "python")) == 2
    assert len(blocks(FRONT_END, "python")) == 2
    assert [block.file for block in blocks(INDEX, "python")] == ["balchat_ui_ping/__init__.py", "tests/test_ping.py"]
    assert len(blocks(HOOK_PAGE, "python")) == len(HOOKS)


@pytest.mark.parametrize(
    ("name", "contracts"),
    [
        ("network", [Network, NetworkContext, PublishedService]),
        ("storage", [Storage, Vault, ReadTransaction, Transaction, KeyValueArea]),
        ("crypto", [CryptoEngine]),
    ],
)
def test_every_method_of_a_contract_is_on_its_page(page, name, contracts):
    named = set(re.findall(r"\w+", page(f"plugin-author/{name}.md")))
    public = {member for contract in contracts for member in dir(contract) if not member.startswith("_")}
    assert public - named == set()


@pytest.mark.parametrize("capability", [*TransportCapability, *NetworkCapability], ids=str)
def test_every_capability_that_a_plugin_can_have_is_on_a_page(page, capability):
    pages = page(HOOK_PAGE) + page("plugin-author/network.md") + page("plugin-author/transport.md")
    assert re.search(rf"`({type(capability).__name__}\.)?{capability.name}`", pages)


def test_every_event_and_every_view_that_a_front_end_sees_is_named_where_authors_are_sent(page):
    reference = page("rpc.md")
    for event in filter(None, event_types):
        assert f"`{event}`" in reference, event
    assert "(../rpc.md)" in page("plugin-author/security.md") + page(INDEX)


def test_every_kit_is_in_the_table(page):
    kits = {path.stem for path in Path(testing.__file__).parent.glob("*_kit*")}
    (table,) = re.findall(r"^\| you want \|.*?\n((?:\|.*\n)+)", page(INDEX), re.MULTILINE)
    assert set(re.findall(r"`(\w+_kit)`", table)) == kits
