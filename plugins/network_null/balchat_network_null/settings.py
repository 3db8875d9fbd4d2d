"""The settings of this plugin: the table `[settings.network_null]`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from balchat_common.settings import Doc

from balchat_network_null.directory import default_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class NullSettings:
    """What can be set. Accounts reach each other if they use the same directory."""

    directory: Annotated[
        str, Doc("The directory in which the accounts meet; when empty, one in the user's runtime directory.")
    ] = ""

    def __post_init__(self) -> None:
        if self.directory and not Path(self.directory).is_absolute():
            raise ValueError("directory: it is not an absolute path; a path that begins with /")

    @property
    def path(self) -> Path:
        """The directory in which the accounts meet."""
        return Path(self.directory) if self.directory else default_directory()
