"""The host as a program front end sees it: the profiles on this machine. Cheap; `app` is imported when it is used."""

from collections.abc import Sequence
from importlib.metadata import version

from balchat_host.api.frontend import Host, Profile
from balchat_host.loader.profiles import ProfileDirectory, list_profiles, profile_directory


class Machine(Host):
    """This machine."""

    def profile(self, name: str | None = None) -> Profile:
        return _profile(profile_directory(name))

    def profiles(self) -> Sequence[Profile]:
        return [profile for profile in map(_profile, list_profiles()) if profile.exists()]

    @property
    def version(self) -> str:
        return version("balchat-host")


def _profile(directory: ProfileDirectory) -> Profile:
    from balchat_host.app import LocalProfile  # noqa: PLC0415  # `balchat --help` needs no profile

    return LocalProfile(directory)
