"""The host as a program front end sees it: the profiles on this machine. Cheap; `app` is imported when it is used."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from balchat_host.api.errors import BadInput, BalchatError, PluginError
from balchat_host.api.programs import Profiles, ProgramView
from balchat_host.api.streams import ReaderGone
from balchat_host.loader.configuration import examine
from balchat_host.loader.levels import OPTION
from balchat_host.loader.profiles import (
    PROFILE_OPTION,
    ProfileDirectory,
    list_profiles,
    profile_directory,
    take_profile,
)
from balchat_host.loader.roles import origin_of
from balchat_host.loader.settings import make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from balchat_host.api.descriptors import FrontEndDescriptor
    from balchat_host.api.frontend import DeploymentView, PluginKind, Profile
    from balchat_host.api.types import Check
    from balchat_host.loader.configuration import Configuration

T = TypeVar("T")


class LocalProfiles(Profiles):
    """This machine.

    `overrides` are the configuration's values that the command line gave, `named` the profile that it named, and
    `configuration` what holds for that.
    """

    def __init__(self, overrides: Mapping[str, str], configuration: Configuration, named: str | None = None) -> None:
        self._overrides = overrides
        self._configuration = configuration
        self._named = named

    def profile(self, name: str | None = None) -> Profile:
        place = profile_directory(name or self._named)
        place.require_own()
        return self._profile(place)

    def profiles(self) -> Sequence[Profile]:
        return [profile for profile in map(self._profile, list_profiles()) if profile.exists()]

    @property
    def version(self) -> str:
        return version("balchat-host")

    @property
    def own_arguments(self) -> Sequence[str]:
        named = [f"{PROFILE_OPTION}={self._named}"] if self._named else []
        return [*(f"{OPTION}={key}={value}" for key, value in self._overrides.items()), *named]

    def own_settings(self, plugin: str, declared: type[T], profile: str | None = None) -> T:
        configuration = self._configuration
        if profile is not None:
            configuration, _ = examine(profile_directory(profile).directory, overrides=self._overrides)
        given = configuration.settings.get(plugin, {})
        return make_settings(plugin, declared, given, configuration.where_to_set)

    def programs(self) -> Sequence[ProgramView]:
        from balchat_host.loader.programs import other_programs  # noqa: PLC0415  # only help looks

        return [ProgramView(name=name, summary=summary) for name, summary in other_programs(self._configuration)]

    def start(self, name: str, arguments: Sequence[str]) -> int:
        from balchat_host.loader.programs import load_other_program  # noqa: PLC0415  # few commands are another's

        _, rest = take_profile(arguments)
        directory = profile_directory(self._named).directory
        return self.run(load_other_program(self._configuration, name, directory), rest)

    def new_plugin(self, kind: PluginKind, name: str, parent: Path) -> Path:
        from balchat_host.authoring.scaffold import new_plugin, plugin_name  # noqa: PLC0415  # few make a plugin
        from balchat_host.loader.plugins import announced  # noqa: PLC0415  # see above

        if (taken := plugin_name(kind, name)) in announced():
            raise BadInput(what=f"The name {taken}", problem="an installed plugin has it; choose another one")
        return new_plugin(kind, name, parent)

    def check_plugin(self, plugin: str) -> Iterator[Check]:
        from balchat_host.authoring.checking import check_plugin  # noqa: PLC0415  # few commands check a plugin

        return check_plugin(plugin, program=self._configuration.plugins.program, overrides=self._overrides)

    def check_deployment(self, file: Path) -> DeploymentView:
        from balchat_host.loader.deployment_check import check_deployment  # noqa: PLC0415  # one command does

        return check_deployment(file)

    def run(self, front_end: FrontEndDescriptor, arguments: Sequence[str]) -> int:
        """Run a front end's program, and return its exit code. Raise PluginError for what it raises unexpectedly."""
        assert front_end.program is not None, "only those that have one are loaded"
        try:
            return front_end.program(self, arguments)
        except (BalchatError, ReaderGone):
            raise
        except Exception as error:
            problem = f"its program raised {type(error).__name__}"
            origin = origin_of(self._configuration, front_end)
            raise PluginError(plugin=front_end.name, distribution=origin, problem=problem) from error

    def _profile(self, directory: ProfileDirectory) -> Profile:
        from balchat_host.local_profile import LocalProfile  # noqa: PLC0415  # `balchat --help` needs no profile

        return LocalProfile(directory, self._overrides)
