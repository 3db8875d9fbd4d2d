"""The settings of this plugin: the table `[settings.transport_sample]`."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """What can be set."""

    port: Annotated[int, Meta(ge=1, le=65535), Doc("The virtual port at which we answer; both sides use one.")] = 7000
