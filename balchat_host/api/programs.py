"""What a front end's program gets of the host: the profiles on this machine (`Profiles`).

Whoever starts a program waits for this module, so it imports nothing of the contract but its names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from balchat_host.api.frontend import DeploymentView, Profile
    from balchat_host.api.types import Check

T = TypeVar("T")


class PluginKind(StrEnum):
    """What a new plugin can be (`Profiles.new_plugin`)."""

    TRANSPORT = "transport"
    FRONT_END = "front-end"
    NETWORK = "network"
    STORAGE = "storage"
    CRYPTO = "crypto"
    RELAY_STORE = "relay-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramView:
    """The program of another front end: `balchat NAME` starts it. `summary` is its distribution's."""

    name: str
    summary: str


class Profiles(ABC):
    """What a program front end gets: the profiles on this machine."""

    @abstractmethod
    def profile(self, name: str | None = None) -> Profile:
        """Return a profile by name, by directory (anything with a path separator), or the one that is meant without.

        That is the one of `--profile` where the command line has it. It need not exist yet.
        """

    @abstractmethod
    def profiles(self) -> Sequence[Profile]:
        """Return the profiles that have an account, by name."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of balchat-host."""

    @property
    @abstractmethod
    def own_arguments(self) -> Sequence[str]:
        """What the host itself took from the command line; a process that is to be like this one needs it too."""

    @abstractmethod
    def own_settings(self, plugin: str, declared: type[T], profile: str | None = None) -> T:
        """Return the settings of a program's own plugin, importing no other: what the table `[settings.PLUGIN]` says.

        `declared` is the class that its descriptor names, `profile` as for `profile`. What is wrong with the rest of
        the configuration is passed over. Blocks. Raise ConfigurationError, BadInput.
        """

    @abstractmethod
    def programs(self) -> Sequence[ProgramView]:
        """Return the programs of other enabled front ends, as their distributions announce them. None is imported."""

    @abstractmethod
    def start(self, name: str, arguments: Sequence[str]) -> int:
        """Run the program of the front end `ui_NAME`, importing that plugin only, and return its exit code.

        The program that the configuration names calls it for a command that it does not have. `--profile` is taken out
        of `arguments`. Raise NoSuchProgram; PluginError where the plugin is not enabled, broken, or has no program.
        """

    @abstractmethod
    def new_plugin(self, kind: PluginKind, name: str, parent: Path) -> Path:
        """Make the distribution of a plugin, whose tests pass, in a folder of its own in `parent`; return the folder.

        Raise BadInput.
        """

    @abstractmethod
    def check_plugin(self, plugin: str) -> Iterator[Check]:
        """Try a plugin, by its name or the folder of its distribution, apart from every account; yield what is found.

        It runs in processes of its own, and in accounts that go afterwards. What is wrong comes last. It takes minutes
        at most, and blocks. Raise NoSuchPlugin, BadInput.
        """

    @abstractmethod
    def check_deployment(self, file: Path) -> DeploymentView:
        """Return what a configuration file comes to where it is this machine's system file. Nothing of it is run.

        Blocks. Raise ConfigurationError where there is no file.
        """
