"""The configuration and the plugins of one profile: what can be asked of it without an account.

It imports nothing of core and runtime but words, so that a command that speaks to a running account starts quickly.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from balchat_host.api.descriptors import Descriptor
from balchat_host.api.errors import BalchatError, PluginError
from balchat_host.api.failures import must_pass
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.storage import Storage
from balchat_host.api.types import ServiceState
from balchat_host.loader.configuration import Configuration, examine, load_configuration
from balchat_host.loader.configuration_file import ConfigurationFile
from balchat_host.loader.levels import FILE_NAME, SYSTEM_FILE
from balchat_host.loader.plugins import PluginRecord, discover
from balchat_host.loader.profile_settings import ProfileSettings
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.loader.selection import Selection, select
from balchat_host.loader.setting_views import values_of
from balchat_host.loader.vetting import vetting
from balchat_host.runtime.plugin_failure_messages import checked, words_of


class ProfileParts:
    """The configuration and the plugins of one profile.

    `overrides` are the configuration's values that the command line gave, `system_file` the file that may lock keys.
    What a plugin raises that the account cannot do without is raised as PluginError.
    """

    def __init__(
        self, place: ProfileDirectory, overrides: Mapping[str, str] | None = None, *, system_file: Path = SYSTEM_FILE
    ) -> None:
        self.place = place
        self._overrides = overrides
        self._system_file = system_file

    def read_again(self) -> "ProfileParts":
        """Return the parts as the files say by now."""
        return ProfileParts(self.place, self._overrides, system_file=self._system_file)

    @cached_property
    def configuration(self) -> Configuration:
        return load_configuration(self.place.directory, overrides=self._overrides, system_file=self._system_file)

    @cached_property
    def records(self) -> Sequence[PluginRecord]:
        """Every plugin that is installed or enabled."""
        return discover(self.configuration.plugins.enabled, vetting(self.configuration, self.place.directory))

    @cached_property
    def selection(self) -> Selection:
        return select(self.configuration, self.records)

    @cached_property
    def storage(self) -> Storage:
        descriptor = self.selection.storage
        with self.blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self.settings(descriptor)), Storage)

    def settings(self, descriptor: Descriptor) -> object:
        """Return the settings of a plugin."""
        return self.selection.settings[descriptor.name]

    def origin(self, descriptor: Descriptor) -> str:
        """Return the distribution, with its version, that a plugin came from."""
        return self.selection.origins[descriptor.name]

    def profile_settings(self, *, changed: Callable[[Configuration], None], up: bool = False) -> ProfileSettings:
        """Return the settings as front ends see and change them. `up`: the account uses them already.

        `changed` is called after each change. Raise ConfigurationError, PluginError.
        """
        directory = self.place.directory
        return ProfileSettings(
            ConfigurationFile(directory / FILE_NAME),
            lambda text: examine(directory, overrides=self._overrides, system_file=self._system_file, text=text),
            self._fit,
            {name: type(made) for name, made in self.selection.settings.items()},
            in_use=values_of(self.configuration, self.selection.settings) if up else None,
            apply=changed,
        )

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        """Make the network. Raise what its factory raises."""
        descriptor = self.selection.network
        context = NetworkContext(directory=self.place.plugin_directory(descriptor.name), on_state=on_state)
        return descriptor.factory(context, self.settings(descriptor))

    @contextmanager
    def blaming(self, descriptor: Descriptor, what: str) -> Generator[None]:
        """Raise what a plugin raises as its problem, where the account cannot do without it. Raise PluginError."""
        try:
            yield
        except BalchatError:
            raise
        except BaseException as error:
            if must_pass(error):
                raise
            problem = f"{what} {words_of(error)}"
            raise PluginError(plugin=descriptor.name, distribution=self.origin(descriptor), problem=problem) from error

    def _fit(self, configuration: Configuration) -> Mapping[str, object]:
        # Which plugins there are, a change of the file says to the next start.
        return select(replace(configuration, plugins=self.configuration.plugins), self.records).settings
