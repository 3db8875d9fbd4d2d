"""The settings in the table `[settings.transport_relay]`. Durations are in seconds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The settings of the relay transport; README.md explains each."""

    circuits: Annotated[int, Meta(ge=1, le=256)] = 16
    redundancy: Literal["one", "all"] = "one"
    max_relays: Annotated[int, Meta(ge=1, le=3)] = 3
    key_packages: Annotated[int, Meta(ge=0, le=128)] = 32
    request_timeout: Annotated[float, Meta(ge=1, le=600)] = 120.0
    silence_timeout: Annotated[float, Meta(ge=10, le=3600)] = 180.0
    poll_seconds: Annotated[float, Meta(ge=10, le=24 * 3600)] = 300.0
    recheck_seconds: Annotated[float, Meta(ge=60, le=30 * 24 * 3600)] = 6 * 3600.0
    care_seconds: Annotated[float, Meta(ge=1, le=24 * 3600)] = 1800.0
    rotate_days: Annotated[int, Meta(ge=1, le=3650)] = 30
