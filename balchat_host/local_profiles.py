"""The host as a program front end sees it: the profiles on this machine. Cheap; `app` is imported when it is used."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from balchat_host.api.frontend import Profile, Profiles
from balchat_host.loader.levels import OPTION
from balchat_host.loader.profiles import ProfileDirectory, list_profiles, profile_directory


class LocalProfiles(Profiles):
    """This machine. `overrides` are the configuration's values that the command line gave."""

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self._overrides = overrides

    def profile(self, name: str | None = None) -> Profile:
        return self._profile(profile_directory(name))

    def profiles(self) -> Sequence[Profile]:
        return [profile for profile in map(self._profile, list_profiles()) if profile.exists()]

    @property
    def version(self) -> str:
        return version("balchat-host")

    @property
    def own_arguments(self) -> Sequence[str]:
        return [f"{OPTION}={key}={value}" for key, value in self._overrides.items()]

    def _profile(self, directory: ProfileDirectory) -> Profile:
        from balchat_host.local_profile import LocalProfile  # noqa: PLC0415  # `balchat --help` needs no profile

        return LocalProfile(directory, self._overrides)
