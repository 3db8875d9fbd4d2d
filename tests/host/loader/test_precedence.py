"""Properties of the levels: the last word holds, and nobody has a word where the system file locks."""

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import ConfigurationLocked
from balchat_host.loader import setting_views
from balchat_host.loader.configuration import examine

VALUES = {
    "delivery.policy": st.sampled_from(["direct-only", "relay-only", "both"]),
    "delivery.read_receipts": st.booleans(),
    "delivery.retry_first_seconds": st.integers(1, 300),
    "delivery.retry_max_seconds": st.integers(300, 86400),
    "contacts.max_contacts": st.integers(1, 100_000),
    "contacts.max_requests": st.integers(0, 10_000),
    "settings.stone.weight": st.integers(-5, 5) | st.booleans() | st.lists(st.integers(0, 9), max_size=3),
    "settings.stone.word": st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    "settings.moss.weight": st.integers(-5, 5),
}
TABLES = ["delivery", "contacts", "settings", "settings.stone", "settings.moss"]
DEFAULTS = {
    "delivery.policy": "both",
    "delivery.read_receipts": True,
    "delivery.retry_first_seconds": 2,
    "delivery.retry_max_seconds": 300,
    "contacts.max_contacts": 1000,
    "contacts.max_requests": 100,
}

one_level = st.fixed_dictionaries({}, optional=VALUES)
all_levels = st.tuples(one_level, one_level, one_level, one_level)
some_locks = st.lists(st.sampled_from([*VALUES, *TABLES]), unique=True, max_size=3)


def toml(value):
    """Spell a value; JSON and TOML agree on all that occurs here."""
    return json.dumps(value)


def read(levels, locks=()):
    """Read four levels, as files, variables and options."""
    system, profile, environment, command_line = levels
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "system.toml").write_text(
            "".join(f"{key} = {toml(value)}\n" for key, value in system.items()) + f"locks.keys = {toml(list(locks))}\n"
        )
        (directory / "balchat.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in profile.items()))
        return examine(
            directory,
            system_file=directory / "system.toml",
            environment={
                "BALCHAT_SET_" + key.upper().replace(".", "__"): toml(value) for key, value in environment.items()
            },
            overrides={key: toml(value) for key, value in command_line.items()},
        )


def values_of(configuration):
    """Return every value that holds, settings as they were given."""
    values = setting_views.values_of(configuration, {})
    given = {key: item.value for key, item in configuration.given.items() if key.startswith("settings.")}
    return {key: (values | given).get(key) for key in VALUES}


def locked(key, locks):
    return any(f"{key}.".startswith(f"{lock}.") for lock in locks)


@given(all_levels)
def test_the_last_level_that_says_a_key_is_the_one_that_holds(levels):
    configuration, problems = read(levels)
    assert not problems
    expected = {key: DEFAULTS.get(key) for key in VALUES}
    for level in levels:
        expected |= level
    assert values_of(configuration) == expected


@given(all_levels, some_locks)
def test_each_word_against_a_lock_is_an_error_and_changes_nothing(levels, locks):
    configuration, problems = read(levels, locks)
    system, *others = levels
    against = [key for level in others for key in level if locked(key, locks)]
    assert sorted(str(error.fields["key"]) for error in problems) == sorted(against)
    assert all(isinstance(error, ConfigurationLocked) for error in problems)
    expected = {key: DEFAULTS.get(key) for key in VALUES} | system
    for level in others:
        expected |= {key: value for key, value in level.items() if not locked(key, locks)}
    assert values_of(configuration) == expected
