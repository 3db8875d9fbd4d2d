"""Plugins' settings: typed, checked, and every error names file, key, problem and what is allowed."""

from pathlib import Path

import pytest

from balchat_host.api.errors import ConfigurationError, PluginError
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.selection import select
from balchat_host.loader.setting_views import declared_settings, setting_views, values_of

ENABLED = ("storage_stone", "crypto_stone", "network_stone", "transport_stone", "ui_stone")

BASIS = """
[plugins]
enabled = ["storage_stone", "crypto_stone", "network_stone", "transport_stone", "ui_stone"]
storage = "storage_stone"
crypto = "crypto_stone"
network = "network_stone"
program = "ui_stone"
"""


@pytest.fixture
def choose(install, tmp_path):
    """Install plugins with these settings, configure them with this text, and select."""

    def run(settings, text, *, overrides=()):
        install.stones(settings=settings)
        (tmp_path / "balchat.toml").write_text(BASIS + text)
        configuration = load_configuration(
            tmp_path, system_file=tmp_path / "none", environment={}, overrides=dict(overrides)
        )
        return configuration, select(configuration, discover(configuration.plugins.enabled))

    return run


def problem(choose, settings, text, **more):
    with pytest.raises(ConfigurationError) as caught:
        choose(settings, text, **more)
    return str(caught.value)


def test_what_is_not_set_has_the_plugins_default(choose):
    _, selection = choose("weight: int = 7", "")
    assert {name: made.weight for name, made in selection.settings.items()} == dict.fromkeys(ENABLED, 7)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("weight: int", "a whole number"),
        ("weight: Path", "a path"),
        ("weight: Colour", "grey or red"),
        ("weight: str = field(repr=False)", "a text"),
        ("weight: Annotated[int, Meta(ge=1, le=9)]", "a whole number from 1 to 9"),
        ("other: int = 3\nweight: Place = field(kw_only=True)", "a table of row and seat"),
    ],
)
@pytest.mark.parametrize("text", ["", "[settings.storage_stone]\n"])
def test_a_setting_that_is_required_and_missing_is_an_error_that_says_where_to_set_it(
    choose, tmp_path, field, allowed, text
):
    assert problem(choose, field, text) == (
        f"{tmp_path / 'balchat.toml'}: settings.storage_stone.weight: it is not set, and storage_stone needs it; "
        f"set weight under [settings.storage_stone]. Allowed: {allowed}."
    )


def test_a_required_setting_that_is_given_is_taken(choose):
    given = "".join(f"[settings.{name}]\nweight = 8\n" for name in ENABLED)
    _, selection = choose("weight: int", given)
    assert {made.weight for made in selection.settings.values()} == {8}


def test_a_mistyped_key_is_said_before_the_required_one_that_it_was_meant_for(choose):
    assert "settings.storage_stone.weight is the nearest" in problem(
        choose, "weight: int", "[settings.storage_stone]\nwieght = 8"
    )


def test_a_required_setting_in_a_locked_table_can_be_set_in_the_system_file_only(install, tmp_path):
    install.stones(settings="weight: int")
    system = tmp_path / "system.toml"
    system.write_text(BASIS + '[locks]\nkeys = ["settings.storage_stone"]')
    configuration = load_configuration(tmp_path, system_file=system, environment={})
    with pytest.raises(ConfigurationError) as caught:
        select(configuration, discover(configuration.plugins.enabled))
    assert caught.value.fields["file"] == str(system)


def test_each_plugin_gets_its_own_table(choose):
    _, selection = choose("weight: int = 7", "[settings.network_stone]\nweight = 8")
    assert selection.settings["network_stone"].weight == 8
    assert selection.settings["storage_stone"].weight == 7


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("x: bool = False", "true", True),
        ("x: float = 0.5", "2", 2.0),
        ("x: str = ''", "'a'", "a"),
        ("x: Path | None = None", "'/usr/bin/tor'", Path("/usr/bin/tor")),
        ("x: Path = Path()", "'~/tor'", Path.home() / "tor"),
        ("x: Colour = Colour.GREY", "'red'", "red"),
        ("x: Literal['a', 'b'] = 'a'", "'b'", "b"),
        ("x: tuple[str, ...] = ()", "['a', 'b']", ("a", "b")),
        ("x: frozenset[int] = frozenset()", "[1, 2]", frozenset({1, 2})),
        ("x: dict[str, int] = field(default_factory=dict)", "{a = 1}", {"a": 1}),
    ],
)
def test_settings_have_the_types_that_the_plugin_declares(choose, field, text, value):
    _, selection = choose(field, f"[settings.network_stone]\nx = {text}")
    assert selection.settings["network_stone"].x == value
    assert type(selection.settings["network_stone"].x) is type(value) or isinstance(value, str)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (
            "weight: int = 7\nwidth: int = 1",
            "wieght = 1",
            "wieght: there is no such key; settings.network_stone.weight is the nearest. Allowed: weight and width.",
        ),
        ("weight: int = 7", "colour = 1", "colour: there is no such key. Allowed: weight."),
        ("x: int = 7", "x = 'a'", "x: it is a text. Allowed: a whole number."),
        ("x: int = 7", "x = 1.5", "x: it is 1.5. Allowed: a whole number."),
        ("x: float = 7.0", "x = true", "x: it is true. Allowed: a number."),
        ("x: str = ''", "x = 1", "x: it is 1. Allowed: a text."),
        ("x: bool = True", "x = 'no'", "x: it is a text. Allowed: true or false."),
        ("x: Path = Path()", "x = 1", "x: it is 1. Allowed: a path."),
        ("x: Path = Path()", "x = '~nobody-of-this-name/x'", "x: it is a text. Allowed: a path."),
        ("x: Annotated[str, Meta(pattern='^a')] = 'a'", "x = 'b'", "x: it is a text. Allowed: a text that matches ^a."),
        ("x: Place = Place()", "x = 1", "x: it is 1. Allowed: a table of row and seat."),
        (
            "x: Place = Place()",
            "x = {row = 'a'}",
            "x: what is at .row of it does not fit. Allowed: a table of row and seat.",
        ),
        ("x: bytes = b''", "x = 1", "x: it is 1. Allowed: what fits Bytes."),
        ("x: Path | None = None", "x = []", "x: it is a list. Allowed: a path."),
        ("x: str = field(default='', repr=False)", "x = 12345", "x: it does not fit. Allowed: a text."),
        ("x: Colour = Colour.GREY", "x = 'blue'", 'x: it is "blue". Allowed: grey or red.'),
        ("x: Literal['a', 'b'] = 'a'", "x = 'c'", 'x: it is "c". Allowed: a or b.'),
        (
            "x: tuple[str, ...] = ()",
            "x = ['a', 1]",
            "x: what is at [1] of it does not fit. Allowed: a list, each item a text.",
        ),
        (
            "x: dict[str, int] = field(default_factory=dict)",
            "x = 1",
            "x: it is 1. Allowed: a table, each value a whole number.",
        ),
        ("x: int | str = 1", "x = []", "x: it is a list. Allowed: a whole number or a text."),
    ],
)
def test_an_error_names_file_key_problem_and_what_is_allowed(choose, tmp_path, field, text, message):
    expected = f"{tmp_path / 'balchat.toml'}: settings.network_stone.{message}"
    assert problem(choose, field, f"[settings.network_stone]\n{text}") == expected


@pytest.mark.parametrize(
    ("bounds", "allowed"),
    [
        ("ge=1, le=5", "a whole number from 1 to 5"),
        ("ge=1", "a whole number from 1"),
        ("le=5", "a whole number up to 5"),
        ("gt=0, lt=6", "a whole number above 0 and below 6"),
    ],
)
def test_bounds_that_a_plugin_declares_with_msgspec_are_told(choose, bounds, allowed):
    field = f"x: Annotated[int, Meta({bounds})] = 2"
    text = "[settings.network_stone]\nx = {}"
    assert problem(choose, field, text.format(9 if "l" in bounds else 0)).endswith(f"Allowed: {allowed}.")


CHECKED = """
first: int = 1
last: int = 2
def __post_init__(self):
    if self.first > self.last:
        raise ValueError(f"first: it is {self.first} and last {self.last}; not more than last")
    if self.last > 100:
        raise ValueError("too much of everything")
    if self.last == 99:
        raise KeyError("inside")
"""


def test_what_the_plugin_itself_refuses_is_told_the_same_way(choose, tmp_path):
    file = tmp_path / "balchat.toml"
    assert problem(choose, CHECKED, "[settings.network_stone]\nfirst = 5") == (
        f"{file}: settings.network_stone.first: it is 5 and last 2. Allowed: not more than last."
    )


def test_a_value_that_nobody_gave_is_blamed_on_those_that_were(choose, tmp_path):
    assert problem(choose, CHECKED, "[settings.network_stone]\nlast = 0").startswith(
        f"{tmp_path / 'balchat.toml'}: settings.network_stone.first: it is 1 and last 0."
    )


def test_a_refusal_of_another_form_is_shown_as_it_is(choose, tmp_path):
    assert problem(choose, CHECKED, "", overrides={"settings.network_stone.last": "101"}) == (
        "--set: settings.network_stone: too much of everything. Allowed: what the documentation says."
    )


def test_a_settings_class_that_fails_is_the_plugins_problem(choose):
    with pytest.raises(PluginError) as caught:
        choose(CHECKED, "[settings.network_stone]\nlast = 99")
    assert str(caught.value) == (
        "The plugin network_stone (stones 1.0) cannot be used: its settings raised KeyError: 'inside'."
    )


@pytest.mark.parametrize("field", ["x: 'NoSuchType' = 1", "x: list[int] | tuple[int, ...] = ()"])
def test_a_type_that_cannot_be_read_is_the_plugins_problem(choose, field):
    with pytest.raises(PluginError, match="cannot be read"):
        choose(field, "[settings.network_stone]\nx = [1]")


def test_a_table_for_no_plugin_at_all_is_an_error(choose, tmp_path):
    assert problem(choose, "weight: int = 7", "[settings.network_stoen]\nweight = 1").startswith(
        f"{tmp_path / 'balchat.toml'}: settings.network_stoen: no installed plugin has this name; network_stone is the "
        "nearest. If it was uninstalled, take its settings out. Allowed: storage_stone, crypto_stone, "
    )


def test_a_table_for_a_plugin_that_is_not_enabled_is_kept_unread(choose):
    configuration, selection = choose("weight: int = 7", "[settings.transport_moss]\nno_such_key = 'x'")
    assert "transport_moss" not in selection.settings
    assert configuration.settings["transport_moss"]["no_such_key"].value == "x"


def test_settings_are_explained_with_their_defaults_and_without_their_secrets(choose, tmp_path):
    fields = """
    weight: int = 7
    place: Path = Path("/loft")
    password: str = field(default="", repr=False)
    """
    configuration, selection = choose(fields, "[settings.network_stone]\npassword = 'pst'\nweight = 8")
    declared = declared_settings({name: type(made) for name, made in selection.settings.items()})
    values = values_of(configuration, selection.settings)
    views = {view.key: view for view in setting_views(configuration, values, declared)}
    assert views["settings.network_stone.weight"].value == 8
    assert views["settings.network_stone.weight"].source == str(tmp_path / "balchat.toml")
    assert views["settings.network_stone.place"].value == "/loft"
    assert views["settings.network_stone.place"].source == "default"
    assert views["settings.network_stone.password"].value == "(hidden)"
    assert "pst" not in str(views)
