"""The settings of this plugin: the table `[settings.network_sample]`."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """What can be set."""

    directory: Annotated[
        str, Doc("The directory in which the accounts meet; when empty, one in the user's runtime directory.")
    ] = ""
