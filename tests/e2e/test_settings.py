"""Settings of a real profile, with the plugins that are installed."""

from pathlib import Path

import anyio
import pytest

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile


def test_what_is_set_before_an_account_is_up_is_what_it_uses(tmp_path: Path) -> None:
    profile = LocalProfile(ProfileDirectory(name="Alice", directory=tmp_path), {})
    before = profile.settings
    changed = anyio.run(before.set, "delivery.policy", "direct-only")
    assert (changed.value, changed.pending) == ("direct-only", False)
    assert profile._parts.configuration.delivery.policy == "direct-only"
    views = {view.key: view for view in anyio.run(profile.settings.list)}
    assert views["delivery.policy"] == changed
    assert views["settings.network_tor.control_password"].value == "(hidden)"


def test_a_configuration_that_is_wrong_says_so_and_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "balchat.toml").write_text("[delivery]\npolcy = 'both'\n")
    profile = LocalProfile(ProfileDirectory(name="Alice", directory=tmp_path), {})
    with pytest.raises(ConfigurationError, match=r"delivery\.policy is the nearest"):
        profile.check_configuration()
    with pytest.raises(ConfigurationError):
        anyio.run(profile.settings.list)
    assert (tmp_path / "balchat.toml").read_text() == "[delivery]\npolcy = 'both'\n"
