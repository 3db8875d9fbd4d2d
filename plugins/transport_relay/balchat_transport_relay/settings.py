"""The settings in the table `[settings.transport_relay]`. Durations are in seconds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from balchat_common.settings import Doc
from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The settings of the relay transport; README.md explains each."""

    circuits: Annotated[
        int, Meta(ge=1, le=256), Doc("How many contacts have circuits of their own; further ones share those.")
    ] = 16
    redundancy: Annotated[
        Literal["one", "all"], Doc("Whether an envelope is left at one of a contact's relays, or at all of them.")
    ] = "one"
    max_relays: Annotated[int, Meta(ge=1, le=3), Doc("How many relays of ours there may be.")] = 3
    key_packages: Annotated[int, Meta(ge=0, le=128), Doc("How many single-use KeyPackages are kept at each relay.")] = (
        32
    )
    request_timeout: Annotated[float, Meta(ge=1, le=600), Doc("How long a relay may take to answer, in seconds.")] = (
        120.0
    )
    silence_timeout: Annotated[
        float, Meta(ge=10, le=3600), Doc("After how many seconds of silence a push connection counts as dead.")
    ] = 180.0
    blob_streams: Annotated[
        int, Meta(ge=1, le=8), Doc("How many parts of files are put or got at once, for each contact and relay.")
    ] = 3
    poll_seconds: Annotated[
        float, Meta(ge=10, le=24 * 3600), Doc("How often what is not pushed is asked for, in seconds.")
    ] = 300.0
    recheck_seconds: Annotated[
        float,
        Meta(ge=60, le=30 * 24 * 3600),
        Doc("How often, at most, what is pushed is asked for all the same, in seconds."),
    ] = 6 * 3600.0
    care_seconds: Annotated[
        float, Meta(ge=1, le=24 * 3600), Doc("How often inbox, KeyPackages and queues are looked after, in seconds.")
    ] = 1800.0
    rotate_days: Annotated[int, Meta(ge=1, le=3650), Doc("After how many days a queue is replaced.")] = 30
