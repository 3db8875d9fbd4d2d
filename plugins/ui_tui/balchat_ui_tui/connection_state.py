"""How the connection to the account is."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """How far the connection is."""

    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"
    """It was cut off, and is tried again."""
    STOPPED = "stopped"
    """The account does not run: somebody has to start it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The connection to the account. `reason` says in words why it is no better, where that is known."""

    phase: Phase = Phase.CONNECTING
    reason: str | None = None
