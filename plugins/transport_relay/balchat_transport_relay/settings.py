"""What can be set: the table `[settings.transport_relay]`. Durations are in seconds."""

from dataclasses import dataclass
from typing import Final

_REDUNDANCY: Final = ("one", "all")
_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "circuits": (1, 256),
    "max_relays": (1, 3),
    "key_packages": (0, 128),
    "request_timeout": (1, 600),
    "silence_timeout": (10, 3600),
    "poll_seconds": (10, 24 * 3600),
    "recheck_seconds": (60, 30 * 24 * 3600),
    "care_seconds": (1, 24 * 3600),
    "rotate_days": (1, 3650),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The settings of the relay transport; README.md explains each."""

    circuits: int = 16
    redundancy: str = "one"
    max_relays: int = 3
    key_packages: int = 32
    request_timeout: float = 120.0
    silence_timeout: float = 180.0
    poll_seconds: float = 300.0
    recheck_seconds: float = 6 * 3600.0
    care_seconds: float = 1800.0
    rotate_days: int = 30

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: it is {getattr(self, name)}; {least} to {most}")
        if self.redundancy not in _REDUNDANCY:
            raise ValueError(f'redundancy: it is {self.redundancy!r}; "one" or "all"')
