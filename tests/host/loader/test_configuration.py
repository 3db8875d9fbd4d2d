"""Levels, keys and errors of the configuration, as `docs/configuration.md` tells them."""

import os
import stat
from pathlib import Path

import pytest

from balchat_host.api.errors import ConfigurationError, ConfigurationLocked
from balchat_host.loader.configuration import Configuration, configuration_files, examine, load_configuration
from balchat_host.loader.levels import take_overrides
from balchat_host.loader.schema import STANDARD_PLUGINS, DeliveryPolicy
from balchat_host.loader.setting_views import declared_settings, setting_views, values_of

POLICY_KEYS = "policy, hedge_seconds, retry_first_seconds, retry_max_seconds and read_receipts"
TABLES = "plugins, account, delivery, contacts, files, requests, settings and locks"
POLICIES = "direct-only, relay-only or both"
ENABLED = (
    "storage_sqlcipher, crypto_mls, network_tor, transport_tor_direct, transport_relay, ui_rpc, ui_cli, "
    "ui_tui or ui_web"
)
NAMES = "a list of names of installed plugins, each once"
FIRST = "a whole number from 1 to 3600"


def explain(configuration):
    """Return a view of each of the host's settings."""
    return setting_views(configuration, values_of(configuration, {}), declared_settings({}))


@pytest.fixture
def system(tmp_path):
    """The system file, not there yet."""
    return tmp_path / "system.toml"


@pytest.fixture
def profile(tmp_path):
    """A profile's directory."""
    directory = tmp_path / "profile"
    directory.mkdir()
    return directory


@pytest.fixture
def load(system, profile):
    """Load with what a test wrote, and only that."""

    def run(*, environment=(), overrides=()):
        return load_configuration(profile, system_file=system, environment=dict(environment), overrides=dict(overrides))

    return run


def write(file, text):
    file.write_text(text)
    return file


def message(load, **levels):
    """Load what cannot be loaded; return the message."""
    with pytest.raises(ConfigurationError) as caught:
        load(**levels)
    assert caught.value.exit_code == 8
    return str(caught.value)


def test_without_any_configuration_the_projects_own_plugins_run(load):
    configuration = load()
    assert configuration == Configuration()
    assert configuration.plugins.enabled == STANDARD_PLUGINS
    assert configuration.delivery.policy is DeliveryPolicy.BOTH
    assert configuration.delivery.read_receipts is True


def test_every_level_replaces_the_one_before_it(load, system, profile):
    write(system, "[contacts]\nmax_contacts = 1\nmax_requests = 1\nrequests_per_hour = 1\n[delivery]\npolicy = 'both'")
    write(profile / "balchat.toml", "[contacts]\nmax_contacts = 2\nmax_requests = 2\nrequests_per_hour = 2")
    configuration = load(
        environment={"BALCHAT_SET_CONTACTS__MAX_CONTACTS": "3", "BALCHAT_SET_CONTACTS__MAX_REQUESTS": "3"},
        overrides={"contacts.max_contacts": "4"},
    )
    assert configuration.contacts.max_contacts == 4
    assert configuration.contacts.max_requests == 3
    assert configuration.contacts.requests_per_hour == 2
    assert configuration.source("contacts.max_contacts") == "--set"
    assert configuration.source("contacts.max_requests") == "environment variable BALCHAT_SET_CONTACTS__MAX_REQUESTS"
    assert configuration.source("contacts.requests_per_hour") == str(profile / "balchat.toml")
    assert configuration.source("delivery.policy") == str(system)
    assert configuration.source("delivery.read_receipts") == "default"


def test_settings_of_a_plugin_are_laid_over_each_other_key_by_key(load, system, profile):
    write(system, "[settings.stone]\nweight = 1\ncolour = {red = 1, grey = 2}")
    write(profile / "balchat.toml", "[settings.stone]\ncolour = {red = 3}\n[settings.moss]\nsoft = true")
    settings = load(overrides={"settings.stone.name": "pebble"}).settings
    assert {name: item.value for name, item in settings["stone"].items()} == {
        "weight": 1,
        "colour": {"red": 3},
        "name": "pebble",
    }
    assert settings["moss"]["soft"].value is True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("12", 12),
        ("1.5", 1.5),
        ('["a", "b"]', ["a", "b"]),
        ('"12"', "12"),
        ("/usr/bin/tor", "/usr/bin/tor"),
        ("direct-only", "direct-only"),
        ("", ""),
        ("a = 1", "a = 1"),
        ("1\nother = 2", "1\nother = 2"),
        ("{a = 1}", {"a": 1}),
    ],
)
def test_a_value_outside_a_file_is_written_as_in_toml_or_as_plain_text(load, text, value):
    configuration = load(
        environment={"BALCHAT_SET_SETTINGS__STONE__WORD": text}, overrides={"settings.moss.word": text}
    )
    assert configuration.settings["stone"]["word"].value == value
    assert configuration.settings["moss"]["word"].value == value


def test_options_are_taken_out_of_a_command_line_wherever_they_stand():
    line = ["--set", "a.b=1", "send", "--set=a.c=d=e", "bob", "--set", "a.b=", "--settle", "--", "--set", "x"]
    overrides, rest = take_overrides(line)
    assert overrides == {"a.b": "", "a.c": "d=e"}
    assert rest == ["send", "bob", "--settle", "--", "--set", "x"]


@pytest.mark.parametrize(
    ("line", "key"), [(["--set"], "nothing"), (["--set", "a"], "a"), (["--set="], "nothing"), (["--set", "=1"], "=1")]
)
def test_an_option_without_key_and_value_is_an_error(line, key):
    with pytest.raises(ConfigurationError) as caught:
        take_overrides(line)
    assert str(caught.value) == f"--set: {key}: it must be a key, = and a value. Allowed: KEY=VALUE."


@pytest.mark.parametrize(
    ("text", "key", "problem", "allowed"),
    [
        (
            "[delivery]\npolcy = 'both'",
            "delivery.polcy",
            "there is no such key; delivery.policy is the nearest",
            POLICY_KEYS,
        ),
        ("[delivery]\nfrequency = 1", "delivery.frequency", "there is no such key", POLICY_KEYS),
        (
            "[delivry]\npolicy = 'both'",
            "delivry.policy",
            "there is no such key; delivery.policy is the nearest",
            TABLES,
        ),
        ("colour = 1", "colour", "there is no such key", TABLES),
        ("delivery = 'both'", "delivery", "it is a text", "a table"),
        ("[settings]\nstone = 1", "settings.stone", "it is 1", "a table"),
        ("[delivery]\npolicy = 'direct'", "delivery.policy", 'it is "direct"', POLICIES),
        ("[delivery]\npolicy = true", "delivery.policy", "it is true", POLICIES),
        ("[delivery]\nread_receipts = 1", "delivery.read_receipts", "it is 1", "true or false"),
        ("[delivery]\nread_receipts = 'yes'", "delivery.read_receipts", "it is a text", "true or false"),
        (
            "[delivery]\nretry_max_seconds = 0",
            "delivery.retry_max_seconds",
            "it is 0",
            "a whole number from 1 to 86400",
        ),
        ("[delivery]\nretry_first_seconds = 3601", "delivery.retry_first_seconds", "it is 3601", FIRST),
        ("[delivery]\nretry_first_seconds = 1.5", "delivery.retry_first_seconds", "it is 1.5", FIRST),
        ("[delivery]\nretry_first_seconds = true", "delivery.retry_first_seconds", "it is true", FIRST),
        ("[delivery]\nretry_first_seconds = 1979-05-27", "delivery.retry_first_seconds", "it is a date or time", FIRST),
        (
            "[delivery]\nretry_first_seconds = 400",
            "delivery.retry_first_seconds",
            "retry_max_seconds is 300 and retry_first_seconds 400",
            "retry_max_seconds not less than retry_first_seconds",
        ),
        ("[plugins]\nenabled = 'ui_cli'", "plugins.enabled", "it is a text", NAMES),
        ("[plugins]\nenabled = [1]", "plugins.enabled", "what is at [0] of it does not fit", NAMES),
        ("[plugins]\nenabled = ['a', 'a']", "plugins.enabled", "it holds something twice", NAMES),
        ("[plugins]\nstorage = []", "plugins.storage", "it is a list", "the name of an enabled plugin"),
        ("[plugins]\nstorage = ''", "plugins.storage", "it is empty", "the name of an enabled plugin"),
        (
            "[plugins]\nenabled = ['storage_sqlcipher', 'crypto_mls', 'ui_cli']",
            "plugins.enabled",
            "it leaves out network_tor, the default of plugins.network",
            "a list with it, or another plugins.network",
        ),
        ("[plugins]\nnetwork = 'network_i2p'", "plugins.network", "network_i2p is not in plugins.enabled", ENABLED),
        ("[locks]\nkeys = ['delivery']", "locks.keys", "only the system file can lock keys", "nothing here"),
        (
            "[delivery",
            "the file",
            "it is not TOML (Expected ']' at the end of a table declaration (at end of document))",
            "TOML 1.0",
        ),
    ],
)
def test_an_error_names_file_key_problem_and_what_is_allowed(load, profile, *, text, key, problem, allowed):
    file = write(profile / "balchat.toml", text)
    assert message(load) == f"{file}: {key}: {problem}. Allowed: {allowed}."


def test_errors_outside_files_name_the_variable_or_the_option(load):
    assert message(load, environment={"BALCHAT_SET_DELIVERY__POLICY": "direct"}) == (
        'environment variable BALCHAT_SET_DELIVERY__POLICY: delivery.policy: it is "direct". '
        "Allowed: direct-only, relay-only or both."
    )
    assert message(load, overrides={"delivery.policy": "direct"}) == (
        '--set: delivery.policy: it is "direct". Allowed: direct-only, relay-only or both.'
    )
    assert message(load, environment={"BALCHAT_SET_COLOUR": "red"}).startswith(
        "environment variable BALCHAT_SET_COLOUR: colour: there is no such key."
    )


def test_a_value_that_a_later_level_replaces_is_checked_too(load, system):
    write(system, "[delivery]\npolicy = 'direct'")
    assert str(system) in message(load, overrides={"delivery.policy": "both"})


def test_all_problems_can_be_seen_at_once_beside_what_is_right(system, profile):
    write(system, "[delivery]\npolicy = 'direct'\nread_receipts = false\ncolour = 1")
    write(profile / "balchat.toml", "[contacts")
    configuration, problems = examine(profile, system_file=system, environment={}, overrides={"contacts": "1"})
    assert [error.fields["key"] for error in problems] == ["delivery.policy", "delivery.colour", "the file", "contacts"]
    assert configuration.delivery.policy is DeliveryPolicy.BOTH
    assert configuration.delivery.read_receipts is False


@pytest.mark.parametrize(
    ("make", "problem", "allowed"),
    [
        (Path.mkdir, "it is no regular file", "a file, or none"),
        (os.mkfifo, "it is no regular file", "a file, or none"),
        (lambda file: file.write_text("x = " + "[" * 100_000), "it nests too deeply", "TOML 1.0"),
        (
            lambda file: file.symlink_to(file),
            "it cannot be read (Too many levels of symbolic links)",
            "a file that you can read, or none",
        ),
        (lambda file: file.symlink_to("/dev/null"), "it is no regular file", "a file, or none"),
        (
            lambda file: file.write_bytes(b"x = '\xff'"),
            "it is not UTF-8 at octet 5",
            "TOML 1.0, which is UTF-8",
        ),
        (
            lambda file: file.write_bytes("[contacts]".encode("utf-16")),
            "it is UTF-16 or UTF-32; save it as UTF-8",
            "TOML 1.0, which is UTF-8",
        ),
        (
            lambda file: file.write_bytes("[contacts]".encode("utf-16-be")),
            "it is UTF-16 or UTF-32; save it as UTF-8",
            "TOML 1.0, which is UTF-8",
        ),
        (
            lambda file: (file.touch(), file.chmod(0o606)),
            "everybody can write to it",
            "a file that others cannot write to (chmod o-w)",
        ),
    ],
)
def test_a_file_that_cannot_be_trusted_or_read_is_an_error(load, profile, make, problem, allowed):
    file = profile / "balchat.toml"
    make(file)
    assert message(load) == f"{file}: the file: {problem}. Allowed: {allowed}."


def test_a_byte_order_mark_is_no_part_of_a_file(load, profile):
    (profile / "balchat.toml").write_bytes(b"\xef\xbb\xbf[delivery]\r\nread_receipts = false\r\n")
    assert load().delivery.read_receipts is False


def test_a_file_of_somebody_else_is_refused(load, profile, monkeypatch):
    file = write(profile / "balchat.toml", "")

    def theirs(descriptor, really=os.fstat):
        fields = list(really(descriptor))
        fields[stat.ST_UID] = 4242
        return os.stat_result(fields)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", theirs)
        told = message(load)
    assert told == f"{file}: the file: it belongs to somebody else. Allowed: a file that belongs to you or to root."


@pytest.mark.parametrize(
    ("lock", "key"),
    [
        ("delivery.policy", "delivery.policy"),
        ("delivery", "delivery.read_receipts"),
        ("plugins", "plugins.enabled"),
        ("settings", "settings.stone.weight"),
        ("settings.stone", "settings.stone.weight"),
        ("settings.stone.weight", "settings.stone.weight"),
    ],
)
def test_a_locked_key_is_refused_wherever_else_it_is_said(load, system, profile, lock, key):
    write(system, f"[locks]\nkeys = ['{lock}']")
    file = write(profile / "balchat.toml", f"{key} = 1")
    variable = "BALCHAT_SET_" + key.upper().replace(".", "__")
    with pytest.raises(ConfigurationLocked) as caught:
        load()
    assert str(caught.value) == f"{file}: {key} is fixed by {system} and cannot be changed here."
    assert caught.value.code == "configuration-locked"
    write(file, "")
    with pytest.raises(ConfigurationLocked):
        load(environment={variable: "1"})
    with pytest.raises(ConfigurationLocked):
        load(overrides={key: "1"})


def test_a_lock_holds_for_nothing_beside_it_and_for_the_default_too(load, system):
    write(system, "[locks]\nkeys = ['delivery.policy', 'settings.stone']\n[settings.stone]\nweight = 1")
    configuration = load(overrides={"delivery.read_receipts": "false", "settings.stone_two.weight": "2"})
    assert configuration.delivery.policy is DeliveryPolicy.BOTH
    views = {view.key: view for view in explain(configuration)}
    assert views["delivery.policy"].locked_by == str(system)
    assert views["delivery.policy"].source == "default"
    assert views["delivery.read_receipts"].locked_by is None
    assert views["settings.stone.weight"].locked_by == str(system)
    assert views["settings.stone_two.weight"].locked_by is None


@pytest.mark.parametrize(
    ("keys", "problem", "allowed"),
    [
        ("'delivery'", "it is a text", "a list of keys or tables"),
        (
            "['delivery.polcy']",
            "there is no such key as delivery.polcy; delivery.policy is the nearest",
            POLICY_KEYS,
        ),
        ("['settings.a.b.c']", "there is no such key as settings.a.b.c", "a table of a plugin, or a key in it"),
        ("['colour']", "there is no such key as colour", TABLES),
        ("['']", "there is no such key as nothing", TABLES),
    ],
)
def test_a_lock_on_what_does_not_exist_is_an_error(load, system, keys, problem, allowed):
    write(system, f"[locks]\nkeys = {keys}")
    assert message(load) == f"{system}: locks.keys: {problem}. Allowed: {allowed}."


def test_every_value_is_shown_as_plain_data_with_its_source(load, profile):
    file = write(profile / "balchat.toml", "[delivery]\npolicy = 'direct-only'\n[settings.stone]\nsecret = 'pst'")
    views = {view.key: view for view in explain(load())}
    assert views["plugins.enabled"].value == list(STANDARD_PLUGINS)
    assert type(views["delivery.policy"].value) is str
    assert (views["delivery.policy"].value, views["delivery.policy"].source) == ("direct-only", str(file))
    assert (views["contacts.max_contacts"].value, views["contacts.max_contacts"].source) == (1000, "default")
    assert views["settings.stone.secret"].value == "(hidden)"


def test_the_files_that_are_looked_for_are_named_the_strongest_last():
    assert configuration_files(None) == (Path("/etc/balchat/balchat.toml"),)
    assert configuration_files(Path("/p")) == (Path("/etc/balchat/balchat.toml"), Path("/p/balchat.toml"))


def test_without_a_profile_the_machine_alone_says_what_holds(system):
    write(system, "[delivery]\npolicy = 'direct-only'")
    configuration = load_configuration(None, system_file=system, environment={})
    assert configuration.delivery.policy is DeliveryPolicy.DIRECT_ONLY
