"""What is installed is found, what is not enabled is not touched, and what is broken says why and stops nobody else."""

import re
import sys
import threading
from importlib.metadata import version

import pytest

from balchat_host.api.descriptors import Descriptor
from balchat_host.api.errors import PluginError
from balchat_host.api.hookspecs import HookSpecs
from balchat_host.loader import plugins
from balchat_host.loader.plugins import discover
from balchat_host.loader.registration import HOOKS


def found(name, *enabled):
    """Discover with some plugins enabled; return the one record of `name`."""
    (record,) = [record for record in discover(enabled) if record.name == name]
    return record


def problem_of(name, *enabled):
    """Discover with `name` enabled, too; return what is told about it to whoever wants to use it."""
    with pytest.raises(PluginError) as caught:
        found(name, name, *enabled).usable()
    return str(caught.value)


def test_an_enabled_plugin_gives_its_descriptors(install):
    install.stones("network_stone")
    record = found("network_stone", "network_stone")
    (descriptor,) = record.usable()
    assert isinstance(descriptor, Descriptor)
    assert (descriptor.kind, descriptor.name, descriptor.summary) == ("network", "network_stone", "Made of stone")
    assert (record.distribution, record.version) == ("stones", "1.0")


def test_what_is_installed_and_not_enabled_is_never_imported(install, tmp_path):
    install(
        "sleeper",
        {"sleeper": "sleeper"},
        {"sleeper": f"import pathlib; pathlib.Path({str(tmp_path / 'awake')!r}).touch()"},
    )
    record = found("sleeper")
    (view,) = record.views()
    assert not (tmp_path / "awake").exists()
    assert "sleeper" not in sys.modules
    assert (view.name, view.kind, view.summary, view.enabled) == ("sleeper", None, "About sleeper", False)
    assert (view.distribution, view.version, view.api_version, view.problem) == ("sleeper", "1.0", None, None)
    assert found("sleeper", "sleeper").problem == "it registers nothing"
    assert (tmp_path / "awake").exists()


def test_an_enabled_plugin_that_is_absent_is_a_problem_that_names_the_nearest(install):
    install.stones("network_stone")
    assert problem_of("network_stoen") == (
        f"The plugin network_stoen (not installed) cannot be used: nothing installed in {sys.prefix} brings it; "
        "network_stone is the nearest. Install it there, or take it out of plugins.enabled."
    )


def test_whoever_enables_a_distribution_is_told_the_name_of_its_plugin(install):
    install("balchat-network-stone", {"network_stone": "m"}, {"m": install.source("network_stone")})
    assert problem_of("balchat_network-Stone").endswith(
        "this is the name of a distribution; write that of the plugin which it brings, network_stone."
    )


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import loft_of_nobody", "ModuleNotFoundError: No module named 'loft_of_nobody'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise BaseException", "BaseException"),
        ("raise ValueError('first line\\nsecond line')", "ValueError: first line"),
        ("class Odd(Exception):\n    def __str__(self): raise self\nraise Odd", "Odd"),
        ("def", "SyntaxError: invalid syntax (broken.py, line 1)"),
    ],
)
def test_one_that_raises_on_import_says_so_and_stops_nobody_else(install, source, what):
    install.stones("network_stone")
    install("broken-thing", {"broken": "broken"}, {"broken": source}, version="0.3.0")
    assert problem_of("broken", "network_stone") == (
        f"The plugin broken (broken-thing 0.3.0) cannot be used: importing broken raised {what}."
    )
    assert found("network_stone", "broken", "network_stone").usable()


def test_a_long_message_of_a_plugin_is_cut(install):
    install("broken", {"broken": "broken"}, {"broken": "raise ValueError('x' * 100_000)"})
    assert len(problem_of("broken")) < 400


@pytest.mark.parametrize("where", ["return [", "from dataclasses import"])
def test_control_c_while_a_plugin_is_asked_is_no_problem_of_the_plugin(install, where):
    source = install.source("network_stone").replace(where, f"raise KeyboardInterrupt; {where}", 1)
    install("stones", {"network_stone": "network_stone"}, {"network_stone": source})
    with pytest.raises(KeyboardInterrupt):
        discover(["network_stone"])


def test_an_entry_point_that_leads_nowhere_is_a_problem(install):
    install("broken", {"one": "no_such_module_at_all", "two": "os:no_such_thing", "three": "not a module"})
    assert "No module named 'no_such_module_at_all'" in problem_of("one")
    assert "no_such_thing" in problem_of("two")
    assert "its entry point is 'not a module', which names no module" in problem_of("three")


def test_what_a_plugin_prints_when_it_is_imported_is_no_output_of_a_command(install, capsys):
    source = "print('Thank you for using Stone!')\n" + install.source("network_stone")
    install("stones", {"network_stone": "talks"}, {"talks": source})
    assert found("network_stone", "network_stone").usable()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Thank you for using Stone!\n")


def test_a_thread_that_would_keep_every_command_from_ending_is_a_problem(install, monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(sys, "end_of_test", end, raising=False)
    source = "import sys, threading\nthreading.Thread(target=sys.end_of_test.wait, daemon={}).start()\n"
    for name, daemon in (("ui_bell", True), ("network_stone", False)):
        install(name, {name: name}, {name: source.format(daemon) + install.source(name)})
    try:
        assert found("ui_bell", "ui_bell").usable()
        assert "importing network_stone started a thread" in problem_of("network_stone")
    finally:
        end.set()


def test_one_that_is_made_for_another_version_of_balchat_says_which_is_here(install):
    install("later", {"later": "later"}, {"later": "from balchat_host.api.descriptors import HologramDescriptor"})
    told = problem_of("later")
    assert f"; it is made for another balchat-host than {version('balchat-host')}: install versions" in told


def test_how_long_a_plugin_takes_to_import_is_told_where_that_is_long(install, monkeypatch):
    install.stones("network_stone")
    assert not found("network_stone", "network_stone").slowness
    monkeypatch.setattr(plugins, "SLOW", -1.0)
    assert found("network_stone", "network_stone").slowness.startswith("importing it took 0")


ONE = "return [NetworkDescriptor(name={!r}, summary='s', api_version={}, factory=print)]"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise RuntimeError('no loft')", "balchat_networks() raised RuntimeError: no loft"),
        ("raise SystemExit", "balchat_networks() raised SystemExit"),
        ("return 7", "balchat_networks() gave int, not a list of NetworkDescriptor"),
        (
            "return NetworkDescriptor(name='pigeon', summary='s', api_version=1, factory=print)",
            "balchat_networks() gave NetworkDescriptor, not a list of NetworkDescriptor",
        ),
        ("return ['x']", "balchat_networks() gave a list with str, not with NetworkDescriptor alone"),
        (
            "return [StorageDescriptor(name='pigeon', summary='s', api_version=1, factory=print)]",
            "balchat_networks() gave a list with StorageDescriptor, not with NetworkDescriptor alone",
        ),
        ("return [NetworkDescriptor()]", "balchat_networks() raised TypeError: .* missing 4 required .*"),
        (
            ONE.format("P", 1),
            "balchat_networks() raised ValueError: a plugin's name has 2 to 40 of a-z, 0-9 and _, .*: 'P'",
        ),
        (
            ONE.format("network_tor", 1),
            "it registers network_tor; what pigeon registers is called so, or pigeon_ and more",
        ),
        (
            ONE.format("pigeon", 2),
            "pigeon is made for version 2 of balchat's plugin contracts, and this balchat has version 1; .*",
        ),
        ("return []", "it registers nothing"),
        ("return None", "it registers nothing"),
    ],
)
def test_what_a_hook_does_wrong_is_named(install, body, problem):
    install(
        "pigeon",
        {"pigeon": "pigeon"},
        {
            "pigeon": f"""
            from balchat_host.api.descriptors import NetworkDescriptor, StorageDescriptor
            from balchat_host.api.hookspecs import hookimpl

            @hookimpl
            def balchat_networks():
                {body}
            """
        },
    )
    expected = re.escape(f"The plugin pigeon (pigeon 1.0) cannot be used: {problem}.").replace(r"\.\*", ".*")
    assert re.fullmatch(expected, problem_of("pigeon"))


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        ("@hookimpl\ndef balchat_networks(configuration)", "a hook of it does not fit"),
        ("@hookimpl\ndef balchat_network()", "balchat_network() is no hook; balchat_networks is one"),
        ("@hookimpl\ndef pigeons()", "pigeons() is no hook; balchat_networks, balchat_transports, "),
        ("@hookimpl(optionalhook=True)\ndef balchat_holograms()", "it registers nothing"),
        ("def balchat_networks()", "balchat_networks() has no @hookimpl above it"),
    ],
)
def test_a_hook_that_does_not_exist_or_wants_more_is_a_problem(install, hook, problem):
    source = f"from balchat_host.api.hookspecs import hookimpl\n{hook}: return []"
    install("pigeon", {"pigeon": "pigeon"}, {"pigeon": source})
    assert problem in problem_of("pigeon")


@pytest.mark.parametrize("failure", ["SystemExit(3)", "KeyError(3)", "type('Odd', (BaseException,), {})()"])
def test_a_plugin_that_fails_where_it_is_looked_at_is_a_problem_too(install, failure):
    source = f"class Thing:\n    @property\n    def hook(self):\n        raise {failure}\nthing = Thing()"
    install("odd", {"odd": "odd:thing"}, {"odd": source})
    assert "The plugin odd (odd 1.0) cannot be used: " in problem_of("odd")


def test_settings_whose_defaults_do_not_go_together_are_a_problem(install):
    install.stones("network_stone", settings="weight: int = 1\ndef __post_init__(self):\n    raise ValueError")
    assert "the defaults of network_stone's settings do not go together" in problem_of("network_stone")


def test_a_plugin_of_another_version_is_listed_with_what_it_says(install):
    install("stones", {"network_stone": "m"}, {"m": install.source("network_stone", api_version=2)})
    (view,) = found("network_stone", "network_stone").views()
    assert (view.kind, view.api_version, view.enabled) == ("network", 2, True)
    assert "made for version 2" in view.problem


def test_a_name_that_two_distributions_bring_is_used_from_neither_and_names_both(install, tmp_path):
    install(
        "stones",
        {"network_stone": "one"},
        {"one": f"import pathlib; pathlib.Path({str(tmp_path / 'awake')!r}).touch()"},
    )
    install(
        "evil-stones",
        {"network_stone": "two"},
        {"two": f"import pathlib; pathlib.Path({str(tmp_path / 'awake')!r}).touch()"},
        version="9",
    )
    records = [record for record in discover(["network_stone"]) if record.name == "network_stone"]
    assert len(records) == 2
    for record in records:
        assert "each bring a plugin of this name; keep one of them" in record.problem
        assert "stones 1.0" in record.problem
        assert "evil-stones 9" in record.problem
    assert not (tmp_path / "awake").exists()


def test_a_name_that_two_enabled_plugins_register_is_used_from_neither_and_names_both(install):
    install("stones", {"network_stone": "one"}, {"one": install.source("network_stone")})
    install("rubble", {"network": "two"}, {"two": install.source("network_stone")})
    for name in ("network", "network_stone"):
        assert found(name, "network", "network_stone").problem == (
            "network_stone is registered by network (rubble 1.0) and network_stone (stones 1.0); enable one of them"
        )
    assert found("network_stone", "network_stone").usable()


def test_a_broken_plugin_takes_no_name_from_another(install):
    install("stones", {"network_stone": "one"}, {"one": install.source("network_stone")})
    install("rubble", {"network": "two"}, {"two": install.source("network_stone", api_version=2)})
    assert found("network_stone", "network", "network_stone").usable()


def test_a_plugin_that_registers_a_name_twice_is_a_problem(install):
    source = install.source("network_stone").replace("return [", "return 2 * [")
    install("stones", {"network_stone": "one"}, {"one": source})
    assert problem_of("network_stone").endswith("it registers network_stone more than once.")


def test_an_entry_point_may_bring_several_plugins_whose_names_add_to_its_own(install):
    source = install.source("network_stone", called="stone_network") + install.source("ui_bell", called="stone_bell")
    install("stones", {"stone": "stone"}, {"stone": source})
    record = found("stone", "stone")
    assert [descriptor.name for descriptor in record.usable()] == ["stone_network", "stone_bell"]
    assert [view.kind for view in record.views()] == ["network", "front end"]


def test_of_a_distribution_that_is_on_the_path_twice_the_first_counts(install, tmp_path, monkeypatch):
    install("my-stones", {"network_stone": "one"}, {"one": install.source("network_stone")})
    install("My.Stones", {"network_stone": "no_such_module"}, version="2.0", folder=tmp_path / "later")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "later")])
    record = found("network_stone", "network_stone")
    assert record.usable()
    assert record.version == "1.0"


def test_metadata_that_is_found_or_written_twice_counts_once(install, monkeypatch):
    install("stones", {"network_stone": "m"}, {"m": install.source("network_stone")})
    (entry_points,) = install.folder.glob("stones-*/entry_points.txt")
    entry_points.write_text(entry_points.read_text() + "network_stone = m\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(install.folder)])
    assert found("network_stone", "network_stone").usable()
    entry_points.write_text(entry_points.read_text() + "network_stone = other\n")
    records = [record for record in discover(["network_stone"]) if record.name == "network_stone"]
    assert records[0].problem == "stones 1.0 announces it as m and other; it has to be one of them"


def test_two_versions_of_a_distribution_in_one_place_are_a_problem(install):
    install("stones", {"network_stone": "m"}, {"m": install.source("network_stone")})
    install("stones", {"network_stone": "m"}, version="0.9")
    records = [record for record in discover(["network_stone"]) if record.name == "network_stone"]
    assert {record.wording for record in records} == {"stones 0.9", "stones 1.0"}
    assert {"each bring a plugin of this name" in (record.problem or "") for record in records} == {True}


def test_metadata_that_cannot_be_read_stops_nobody(install):
    install.stones("network_stone")
    install("torn", {})
    (install.folder / "torn-1.0.dist-info" / "entry_points.txt").write_bytes(b"[balchat.plugins.v1]\n\xff = \xff")
    install("bare", {"bare": "bare"}, {"bare": ""})
    metadata = install.folder / "bare-1.0.dist-info" / "METADATA"
    metadata.unlink()
    assert found("network_stone", "network_stone").usable()
    assert problem_of("bare") == "The plugin bare (unknown unknown) cannot be used: it registers nothing."
    metadata.write_bytes(b"Name: \xff")
    assert problem_of("bare") == "The plugin bare (unknown unknown) cannot be used: it registers nothing."


def test_enabled_plugins_come_first_in_their_order_then_the_others_by_name(install):
    install.stones("ui_bell", "network_stone", "crypto_stone", "storage_stone")
    names = [record.name for record in discover(["ui_bell", "absent", "network_stone"]) if "_tor" not in record.name]
    assert names[:3] == ["ui_bell", "absent", "network_stone"]
    assert names[3:] == sorted(names[3:])
    assert {"crypto_stone", "storage_stone"} <= set(names[3:])


def test_every_hook_is_asked():
    specified = {name for name in vars(HookSpecs) if name.startswith("balchat_")}
    assert set(HOOKS) == specified
    for name, expected in HOOKS.items():
        assert expected in getattr(HookSpecs, name).__annotations__["return"].__args__
