"""The configuration page says what the program does: keys, defaults, what is allowed, and the errors, word by word."""

import re

import pytest

from balchat_host.api.errors import BalchatError, ConfigurationError, PluginError
from balchat_host.loader.configuration import Configuration, load_configuration
from balchat_host.loader.levels import SYSTEM_FILE
from balchat_host.loader.schema import KEYS, LOCKS, STANDARD_PLUGINS
from balchat_host.loader.setting_views import declared_settings, setting_views, values_of

PAGE = "configuration.md"


def rows(text):
    """Return the rows of the tables of keys: key, type, default, allowed."""
    found = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    return {key: [cell.replace("`", "") for cell in cells] for key, *cells in found}


def explain(configuration):
    """Return a view of each of the host's settings."""
    return setting_views(configuration, values_of(configuration, {}), declared_settings({}))


def test_every_key_is_on_the_page_and_no_other(page):
    assert set(rows(page(PAGE))) == {*KEYS, LOCKS}


@pytest.mark.parametrize("view", explain(Configuration()), ids=lambda view: view.key)
def test_defaults_and_what_is_allowed_are_those_of_the_program(page, view):
    _, default, allowed = rows(page(PAGE))[view.key]
    if view.key == "plugins.enabled":
        assert default == "the project's own, see below"
        for name in STANDARD_PLUGINS:
            assert f"`{name}`" in page(PAGE).partition("The default of `plugins.enabled` is")[2].partition(". ")[0]
    else:
        assert default == str(view.value).lower()
    told = KEYS[view.key].allowed
    assert f"a list of {allowed}".startswith(told) or allowed.startswith(told)


@pytest.fixture
def load(tmp_path):
    """Load with these texts as files; machine paths are put back as the page has them."""

    def run(system="", profile="", environment=(), overrides=()):
        (tmp_path / "system.toml").write_text(system)
        (tmp_path / "balchat.toml").write_text(profile)
        return load_configuration(
            tmp_path,
            system_file=tmp_path / "system.toml",
            environment=dict(environment),
            overrides=dict(overrides),
        )

    return run


def test_the_organisations_file_and_a_persons_file_work_together(blocks, load):
    system, profile = (block.text for block in blocks(PAGE, "toml"))
    configuration = load(system, profile)
    assert configuration.delivery.policy == "direct-only"
    assert configuration.delivery.read_receipts is True
    assert configuration.contacts.max_contacts == 200
    locked = {view.key for view in explain(configuration) if view.locked_by}
    assert locked == {key for key in KEYS if key.startswith("plugins.")} | {"delivery.policy", "contacts.max_contacts"}


def test_the_examples_for_variables_and_options_work(page, load):
    text = page(PAGE)
    (option,) = re.findall(r"balchat --set (\S+)=(\S+) up", text)
    assert load(overrides=dict([option])).delivery.policy == "direct-only"
    variables = dict(re.findall(r"^    (BALCHAT_SET_\w+)='?(.*?)'? balchat", text, re.MULTILINE))
    locks = variables.pop("BALCHAT_SET_LOCKS__KEYS")
    assert load(environment=variables).delivery.policy == "direct-only"
    with pytest.raises(ConfigurationError, match="only the system file can lock keys"):
        load(environment={"BALCHAT_SET_LOCKS__KEYS": locks})
    (key, value) = re.search(r"`--set '(settings\S+?)=(\S+)'`", text).groups()
    assert load(overrides={key: value}).settings["example"]["word"].value == "5"


def test_the_errors_on_the_page_are_those_that_people_see(blocks, load, tmp_path):
    told = []
    for levels in (
        {"system": "[delivery]\npolcy = 'both'"},
        {"profile": "[delivery]\nretry_max_seconds = 0"},
        {"overrides": {"delivery.read_receipts": "yes"}},
        {"system": "locks.keys = ['delivery']", "environment": {"BALCHAT_SET_DELIVERY__POLICY": "direct-only"}},
    ):
        with pytest.raises(BalchatError) as caught:
            load(**levels)
        assert caught.value.exit_code == 8
        text = str(caught.value).replace(str(tmp_path / "system.toml"), str(SYSTEM_FILE))
        told.append(text.replace(str(tmp_path), "/home/ana/.local/share/balchat/default"))
    configuration_errors, plugin_error = (block.text for block in blocks(PAGE, "text"))
    assert configuration_errors == "".join(f"{text}\n" for text in told)
    problem = "importing balchat_transport_pigeon.plugin raised ModuleNotFoundError: No module named 'loft'"
    error = PluginError(plugin="transport_pigeon", distribution="balchat-transport-pigeon 0.3.0", problem=problem)
    assert plugin_error == f"{error}\n"
    assert error.exit_code == 9
