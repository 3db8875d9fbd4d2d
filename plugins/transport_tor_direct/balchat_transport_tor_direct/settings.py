"""What can be set: the table `[settings.transport_tor_direct]`. Durations are in seconds, sizes in octets."""

from dataclasses import dataclass, fields
from typing import Final

from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_transport_tor_direct.outbound import INITIAL_LIMIT

_MOST: Final[dict[str, float]] = {
    "keepalive": 3600,
    "keepalive_busy": 600,
    "pong_timeout": 600,
    "answer_timeout": 3600,
    "stall_timeout": 3600,
    "handshake_timeout": 300,
    "probe_timeout": 120,
    "window": 16 * 1024 * 1024,
    "send_envelopes": 10_000,
    "send_octets": 256 * 1024 * 1024,
    "batch_envelopes": 1024,
    "batch_octets": 64 * 1024 * 1024,
    "max_handshakes": 1024,
    "max_streams": 10_000,
    "memory": 4 * 1024 * 1024 * 1024,
    "frames_per_second": 1_000_000,
    "octets_per_second": 1024 * 1024 * 1024,
    "stranger_envelopes": 1024,
    "stranger_envelopes_per_second": 1024,
}
_LEAST: Final[dict[str, float]] = {
    "window": INITIAL_LIMIT,
    "send_octets": MAX_ENVELOPE_SIZE,
    "memory": 4 * MAX_ENVELOPE_SIZE,
    # One read of the smallest frames pauses the reader for at most some five seconds.
    "frames_per_second": 1000,
    "octets_per_second": 65_536,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSettings:
    """The settings of the direct transport; README.md explains each."""

    keepalive: float = 60.0
    keepalive_busy: float = 10.0
    pong_timeout: float = 20.0
    answer_timeout: float = 60.0
    stall_timeout: float = 60.0
    handshake_timeout: float = 30.0
    probe_timeout: float = 10.0
    window: int = 512 * 1024
    send_envelopes: int = 256
    send_octets: int = 4 * 1024 * 1024
    batch_envelopes: int = 64
    batch_octets: int = 1024 * 1024
    max_handshakes: int = 64
    max_streams: int = 512
    memory: int = 64 * 1024 * 1024
    frames_per_second: int = 8000
    octets_per_second: int = 32 * 1024 * 1024
    stranger_envelopes: int = 16
    stranger_envelopes_per_second: int = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least, most = getattr(self, field.name), _LEAST.get(field.name, 1), _MOST[field.name]
            if not least <= value <= most:
                raise ValueError(f"{field.name}: it is {value}; {least} to {most}")
        if self.probe_timeout >= self.handshake_timeout:
            raise ValueError("probe_timeout: it is not shorter than handshake_timeout; anything shorter")
