"""How tor is, read whole from its answers, as an honest state.

tor's events only say that something changed; the state is then asked for again, so that a missed or reordered event
cannot leave a wrong one. The first row that fits is the state:

    tor says                                       state
    bootstrap below 100 %                          starting, percent, what it is doing and what hinders it
    too little directory information               degraded
    no connection stands, and tor is not dormant   degraded
    no sign of life from the network               degraded
    no circuit was established                     degraded
    otherwise                                      online
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from balchat_host.api.types import ONLINE, Phase, ServiceState

QUESTIONS: Final = (
    "status/bootstrap-phase",
    "status/circuit-established",
    "status/enough-dir-info",
    "network-liveness",
    "orconn-status",
    "circuit-status",
    "dormant",
)
"""What to ask tor for (GETINFO, control-spec section 3.9)."""

_WORD: Final = re.compile(r'([A-Z_]+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_BOOTSTRAPPED: Final = 100
_ONION: Final = re.compile(r"\bREND_QUERY=([a-z2-7]{56})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """tor's answers at one moment. `hindrance` is what tor complains of while it bootstraps."""

    percent: int
    doing: str
    hindrance: str | None
    enough_directory: bool
    connected: bool
    live: bool
    circuits: bool

    @classmethod
    def read(cls, answers: Mapping[str, str]) -> Self:
        """Read the answers to `QUESTIONS`."""
        words = {key: quoted or plain for key, quoted, plain in _WORD.findall(answers["status/bootstrap-phase"])}
        return cls(
            percent=int(words.get("PROGRESS", "0")),
            doing=words.get("SUMMARY", "Starting"),
            # HOSTADDR and HOSTID are left out: a state names no address.
            hindrance=words.get("WARNING"),
            enough_directory=answers["status/enough-dir-info"] == "1",
            connected=answers["dormant"] == "1" or answers["orconn-status"].find(" CONNECTED") >= 0,
            live=answers["network-liveness"] == "up",
            circuits=answers["status/circuit-established"] == "1",
        )

    @property
    def state(self) -> ServiceState:
        """The state that the table above gives."""
        if self.percent < _BOOTSTRAPPED:
            reason = self.doing if self.hindrance is None else f"{self.doing}: {self.hindrance}"
            code = "tor.connecting" if self.hindrance is None else "tor.hindered"
            return ServiceState(phase=Phase.STARTING, percent=self.percent, reason=reason, code=code)
        if not self.enough_directory:
            return _degraded("too little directory information yet", "tor.no-directory")
        if not self.connected:
            return _degraded("no connection to the Tor network", "tor.no-connection")
        if not self.live:
            return _degraded("no sign of life from the Tor network", "tor.silent")
        if not self.circuits:
            return _degraded("no circuit through the Tor network yet", "tor.no-circuit")
        return ONLINE


def _degraded(reason: str, code: str) -> ServiceState:
    return ServiceState(phase=Phase.DEGRADED, reason=reason, code=code)


def introduced(circuit_status: str) -> frozenset[str]:
    """Return the onions of ours, without `.onion`, that an introduction point speaks for (GETINFO circuit-status)."""
    return frozenset(
        found[1]
        for line in circuit_status.splitlines()
        if "PURPOSE=HS_SERVICE_INTRO" in line and "HS_STATE=HSSI_ESTABLISHED" in line and (found := _ONION.search(line))
    )
