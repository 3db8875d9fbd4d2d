"""What can be set: the table `[settings.transport_tor_direct]`. Durations are in seconds, sizes in octets."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta

from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_transport_tor_direct.outbound import INITIAL_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSettings:
    """The settings of the direct transport; README.md explains each."""

    keepalive: Annotated[
        float, Meta(ge=1, le=3600), Doc("After how many seconds of silence the other side is asked whether it lives.")
    ] = 60.0
    keepalive_busy: Annotated[
        float, Meta(ge=1, le=600), Doc("The same while something waits for the other side, in seconds.")
    ] = 10.0
    pong_timeout: Annotated[
        float, Meta(ge=1, le=600), Doc("How long the other side may take to answer that, in seconds.")
    ] = 20.0
    answer_timeout: Annotated[
        float, Meta(ge=1, le=3600), Doc("After how many seconds an envelope without an answer counts as lost.")
    ] = 60.0
    stall_timeout: Annotated[
        float, Meta(ge=1, le=3600), Doc("After how many seconds a side that takes none of our octets is given up.")
    ] = 60.0
    handshake_timeout: Annotated[float, Meta(ge=1, le=300), Doc("How long a handshake may take, in seconds.")] = 30.0
    probe_timeout: Annotated[
        float,
        Meta(ge=1, le=120),
        Doc("How long a stream may take to show that it lives when a second one comes, in seconds."),
    ] = 10.0
    window: Annotated[
        int, Meta(ge=INITIAL_LIMIT, le=16 * 1024 * 1024), Doc("How many octets a peer may have on their way to us.")
    ] = 512 * 1024
    send_envelopes: Annotated[
        int, Meta(ge=1, le=10_000), Doc("How many envelopes may be on their way to one peer.")
    ] = 256
    send_octets: Annotated[
        int,
        Meta(ge=MAX_ENVELOPE_SIZE, le=256 * 1024 * 1024),
        Doc("How many octets of envelopes may be on their way to one peer."),
    ] = 4 * 1024 * 1024
    batch_envelopes: Annotated[int, Meta(ge=1, le=1024), Doc("How many envelopes are committed together.")] = 64
    batch_octets: Annotated[
        int, Meta(ge=1, le=64 * 1024 * 1024), Doc("How many octets of envelopes are committed together.")
    ] = 1024 * 1024
    max_handshakes: Annotated[int, Meta(ge=1, le=1024), Doc("How many streams may be in a handshake.")] = 64
    max_streams: Annotated[int, Meta(ge=1, le=10_000), Doc("How many streams there may be.")] = 512
    max_bulk_streams: Annotated[
        int, Meta(ge=1, le=10_000), Doc("How many bulk streams, on which files pass, contacts may have with us.")
    ] = 64
    bulk_streams_of_peer: Annotated[
        int, Meta(ge=1, le=16), Doc("How many bulk streams one contact may have with us.")
    ] = 8
    memory: Annotated[
        int,
        Meta(ge=4 * MAX_ENVELOPE_SIZE, le=4 * 1024 * 1024 * 1024),
        Doc("How many octets are held for all peers together."),
    ] = 64 * 1024 * 1024
    # One read of the smallest frames pauses the reader for at most some five seconds.
    frames_per_second: Annotated[
        int, Meta(ge=1000, le=1_000_000), Doc("How many frames are read from one peer in a second.")
    ] = 8000
    octets_per_second: Annotated[
        int, Meta(ge=65_536, le=1024 * 1024 * 1024), Doc("How many octets are read from one peer in a second.")
    ] = 32 * 1024 * 1024
    stranger_envelopes: Annotated[
        int, Meta(ge=1, le=1024), Doc("How many envelopes of a stranger are handed on at once.")
    ] = 16
    stranger_envelopes_per_second: Annotated[
        int, Meta(ge=1, le=1024), Doc("How many envelopes of a stranger are handed on in a second after that.")
    ] = 10

    def __post_init__(self) -> None:
        if self.probe_timeout >= self.handshake_timeout:
            raise ValueError("probe_timeout: it is not shorter than handshake_timeout; anything shorter")
