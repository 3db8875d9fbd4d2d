"""A plugin has the version that is asked for, and a change of its files since it was enabled is told or refused."""

import json
import os
import sys
from dataclasses import asdict, replace

import pytest

from balchat_host.api.errors import BadInput, NoSuchPlugin
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.deployment import Deployment
from balchat_host.loader.known_plugins import FILE_NAME, PluginMemory, checks_of_changes
from balchat_host.loader.plugins import discover
from balchat_host.loader.vetting import vetting

DEPLOYMENT = Deployment(storage="s", crypto="c", network="n", transports={}, policy="both")
PINNED = {"plugins.pin": "true"}


@pytest.fixture
def bell(install):
    """A plugin with a RECORD, as an installer leaves it."""
    install("bells", {"ui_bell": "ui_bell"}, {"ui_bell": install.source("ui_bell")})
    information = install.folder / "bells-1.0.dist-info"
    record = ["ui_bell.py,sha256=x,1", "bells-1.0.dist-info/METADATA,sha256=x,1", "bells-1.0.dist-info/RECORD,,"]
    (information / "RECORD").write_text("\n".join(record))
    return install.folder / "ui_bell.py"


@pytest.fixture
def look(tmp_path):
    """Look at the enabled plugins as a start does that has this configuration."""
    profile = tmp_path / "profile"
    profile.mkdir()

    def run(overrides=(), name="ui_bell"):
        sys.modules.pop(name, None)
        given = {"plugins.enabled": f'["{name}", "ui_cli"]'} | dict(overrides)
        configuration = load_configuration(None, system_file=tmp_path / "none", environment={}, overrides=given)
        return discover([name], vetting(configuration, profile))

    run.memory = PluginMemory(profile)
    run.file = profile / FILE_NAME
    return run


@pytest.fixture
def configuration_of_nothing(monkeypatch):
    """Let a configuration leave out the roles, which play no part here."""
    monkeypatch.setattr("balchat_host.loader.configuration._contradictions", lambda configuration: iter(()))


pytestmark = pytest.mark.usefixtures("configuration_of_nothing")


def of(records, name="ui_bell"):
    (found,) = [record for record in records if record.name == name]
    return found


def changed(look):
    (view,) = look.memory.views(of(look()))
    return view.changed


def test_what_has_not_changed_is_used_and_says_nothing(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    assert changed(look) is None
    assert of(look(PINNED)).usable()
    assert look.file.stat().st_mode & 0o077 == 0


def test_changed_files_are_told_and_refused_where_plugins_are_pinned(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    bell.write_text(bell.read_text() + "\nRANG = True\n")
    assert "its files are not what they were when it was enabled on 2" in changed(look)
    assert of(look()).usable()
    refused = of(look(PINNED))
    assert "plugins.pin is set, and its files are not what they were" in refused.problem
    assert "balchat plugins accept ui_bell" in refused.problem
    assert "ui_bell" not in sys.modules, "it is refused before its code runs"


def test_doctor_names_a_plugin_that_has_changed_and_says_what_to_do(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    assert not checks_of_changes(look.memory.views(of(look())))
    bell.write_text(bell.read_text() + "\nRANG = True\n")
    (check,) = checks_of_changes(look.memory.views(of(look())))
    assert (check.name, check.problem) == ("ui_bell", None)
    assert "its files are not what they were" in check.finding
    assert "balchat plugins accept ui_bell" in check.finding


def test_a_file_that_is_gone_is_a_change_and_what_python_compiles_is_none(bell, look):
    record = bell.parent / "bells-1.0.dist-info" / "RECORD"
    record.write_text(record.read_text() + "\n__pycache__/ui_bell.cpython-311.pyc,,\n../../../bin/bell,sha256=x,1\n")
    look.memory.keep(look(), DEPLOYMENT)
    (bell.parent / "__pycache__").mkdir(exist_ok=True)
    (bell.parent / "__pycache__" / "ui_bell.cpython-311.pyc").write_bytes(b"")
    assert changed(look) is None
    (bell.parent / "bells-1.0.dist-info" / "METADATA").touch()
    record.write_text(record.read_text().replace("ui_bell.py,", "ui_gone.py,"))
    assert "its files are not what they were" in changed(look)


def test_a_change_is_told_until_the_owner_accepts_it(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    bell.write_text(bell.read_text() + "\nRANG = True\n")
    look.memory.keep(look(), DEPLOYMENT)
    assert changed(look) is not None
    look.memory.accept("ui_bell", look())
    assert changed(look) is None
    assert of(look(PINNED)).usable()
    with pytest.raises(NoSuchPlugin):
        look.memory.accept("ui_other", look())
    with pytest.raises(BadInput, match="not enabled"):
        look.memory.accept("ui_bell", [replace(of(look()), enabled=False)])


def test_another_version_or_another_distribution_is_named(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    information = bell.parent / "bells-1.0.dist-info"
    metadata = (information / "METADATA").read_text()
    (information / "METADATA").write_text(metadata.replace("Version: 1.0", "Version: 1.1"))
    assert "it is version 1.1, and when it was enabled on" in changed(look)
    (information / "METADATA").write_text(metadata.replace("Name: bells", "Name: gongs"))
    assert changed(look).startswith("gongs brings it, and when it was enabled on")


def test_a_plugin_that_is_no_longer_enabled_is_forgotten(bell, look):
    look.memory.keep(look(), DEPLOYMENT)
    look.memory.keep([], DEPLOYMENT)
    bell.write_text(bell.read_text() + "\nRANG = True\n")
    assert changed(look) is None


def test_an_editable_plugin_is_refused_where_plugins_are_pinned(bell, look):
    said = {"url": "file:///src", "dir_info": {"editable": True}}
    (bell.parent / "bells-1.0.dist-info" / "direct_url.json").write_text(json.dumps(said))
    assert "a folder of sources, whose files nobody watches" in of(look(PINNED)).problem
    assert of(look()).usable()


def test_a_plugin_without_a_list_of_its_files_is_refused_where_plugins_are_pinned(bell, look):
    record = bell.parent / "bells-1.0.dist-info" / "RECORD"
    record.unlink()
    look.memory.keep(look(), DEPLOYMENT)
    assert of(look()).usable()
    assert "nothing says which files are its own" in of(look(PINNED)).problem
    assert changed(look) is None
    record.write_text("ui_bell.py,,\n")
    assert changed(look).startswith("nobody could watch its files when it was enabled on")
    record.write_text("bells-1.0.dist-info/RECORD,,\n")
    assert "nothing says which files are its own" in of(look(PINNED)).problem


def test_what_a_record_names_is_read_only_where_it_is_a_file(bell, look):
    pipe = bell.parent / "pipe"
    os.mkfifo(pipe)
    record = bell.parent / "bells-1.0.dist-info" / "RECORD"
    named = ["pipe", "/dev/zero", "a\0b", "x" * 5000, "\x1b[31m", "bells-1.0.dist-info"]
    record.write_text("\n".join([record.read_text(), *(f'"{name}",,' for name in named)]))
    look.memory.keep(look(), DEPLOYMENT)
    assert changed(look) is None
    bell.write_text(bell.read_text() + "\nRANG = True\n")
    assert "its files are not what they were" in changed(look)


def test_of_what_metadata_says_only_the_beginning_is_told(bell, look):
    (bell.parent / "bells-1.0.dist-info" / "METADATA").write_text(
        f"Name: bells\nVersion: 1.0\nSummary: {'x' * 99999}\n"
    )
    record = replace(of(look()), enabled=False, registered=())
    assert len(record.summary) == 512


@pytest.mark.parametrize("octets", [None, b"", b"\xff\xfe", b"Name: bells\n"], ids=str)
def test_metadata_that_says_no_version_stops_nobody_else(bell, look, octets):
    file = bell.parent / "bells-1.0.dist-info" / "METADATA"
    file.unlink()
    if octets is not None:
        file.write_bytes(octets)
    look.memory.keep(look(), DEPLOYMENT)
    assert changed(look) is None
    assert of(look(PINNED)).usable()
    record = of(look({"plugins.versions": '{ui_bell = "1.0"}'}))
    assert record.problem == "its version is unknown, and plugins.versions asks for 1.0; install that"


NOT_TEXTS = {"distribution": 1, "version": 1, "digest": 1, "since": 1}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"plugins": {"ui_bell": {}}}', '{"plugins": 5, "deployment": null}', "[" * 100_000,
        json.dumps({"plugins": {"ui_bell": NOT_TEXTS}, "deployment": None}),
        json.dumps({"plugins": {}, "deployment": {**asdict(DEPLOYMENT), "transports": ["a"]}}), " " * 300_000,
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_memory_that_cannot_be_read_is_said_and_pins_nothing_silently(bell, look, text):
    look.file.write_text(text)
    assert of(look()).usable()
    with pytest.raises(BadInput, match="it cannot be read"):
        look(PINNED)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [("1", True), ("1.0", True), ("1.0.0", False), ("1.", False), ("2", False), ("10", False)],
)
def test_a_plugin_has_the_version_that_is_asked_for(bell, look, asked, fits):
    record = of(look({"plugins.versions": f'{{ui_bell = "{asked}"}}'}))
    if fits:
        assert record.usable()
    else:
        assert record.problem == f"its version is 1.0, and plugins.versions asks for {asked}; install that"
        assert "ui_bell" not in sys.modules
