"""One node of the private Tor network: a directory authority that is also a relay.

Every node is an authority because an authority makes the consensus itself; a mere relay fetches it, and retries that
at random times.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from balchat_network_tor.testing.authority_keys import make_authority_keys, make_relay_key
from balchat_network_tor.testing.process import TorProcess

_SETTINGS: Final = """\
AssumeReachable 1
Address 127.0.0.1
Nickname {name}
ContactInfo none
ORPort 127.0.0.1:{or_port}
DirPort 127.0.0.1:{dir_port}
MaxAdvertisedBandwidth 1000000 bytes
ExitRelay 0
ExitPolicy reject *:*
ShutdownWaitLength 0
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
MinUptimeHidServDirectoryV2 0
ConsensusParams {parameters}
V3AuthVotingInterval {interval}
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVotingInterval {interval}
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
TestingV3AuthVotingStartOffset {offset}"""

_PARAMETERS: Final = (
    # Those of the public network: congestion control (proposal 324) and the interval of KIST.
    "cc_alg=2 KISTSchedRunInterval=2 "
    # With the defaults each onion would be uploaded to every node, and five introduction circuits be built for the
    # three that are used. Six nodes on one machine take seconds for that.
    "hs_intro_num_extra=0 hsdir_n_replicas=1 hsdir_spread_store=2 hsdir_spread_fetch=2"
)

VOTING_INTERVAL: Final = 1800
"""Seconds between two consensuses. Half an hour is the most that tor takes, and keeps the network as it is during a
run: an onion's time period is 24 of these intervals (rend-spec-v3, section 2.2.1)."""

_DAY: Final = 24 * 3600
_STATE: Final = """\
BWHistoryReadEnds {ends}
BWHistoryReadInterval 86400
BWHistoryReadValues 10000000000
BWHistoryReadMaxima 10000000
BWHistoryWriteEnds {ends}
BWHistoryWriteInterval 86400
BWHistoryWriteValues 10000000000
BWHistoryWriteMaxima 10000000
"""
"""What tor keeps of the octets that it has carried: so many a day, and at most so many a second."""


class Node(TorProcess):
    """A node in `folder`. `offset` is the second of the voting interval at which a consensus is due."""

    def __init__(self, *, folder: Path, name: str, or_port: int, dir_port: int, offset: int) -> None:
        super().__init__(folder=folder, name=name)
        self._or_port = or_port
        self._dir_port = dir_port
        self._settings = _SETTINGS.format(
            name=name,
            or_port=or_port,
            dir_port=dir_port,
            parameters=_PARAMETERS,
            interval=VOTING_INTERVAL,
            offset=offset,
        )

    def make_keys(self) -> str:
        """Make the node's keys; return the DirAuthority line by which others know it."""
        self.make_folder()
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700)
        return (
            f"DirAuthority {self.name} orport={self._or_port} no-v2"
            f" v3ident={make_authority_keys(keys, dir_port=self._dir_port)}"
            f" 127.0.0.1:{self._dir_port} {make_relay_key(keys)}"
        )

    def start_voting(self, tor: str, authorities: Sequence[str]) -> None:
        """Start the process as one of these authorities."""
        yesterday = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - _DAY))
        (self.folder / "state").write_text(_STATE.format(ends=yesterday))
        self.start(tor, [self._settings, *authorities])

    def known_relays(self) -> int:
        """How many nodes' descriptors have arrived here."""
        return len(re.findall(r"^router ", self.information("desc/all-recent"), re.MULTILINE))

    def known_directories(self) -> int:
        """How many onion service directories the consensus has, if there is one."""
        return len(re.findall(r"^s .*\bHSDir\b", self.information("ns/all"), re.MULTILINE))

    def bootstrapped(self) -> bool:
        """Whether it has built a circuit."""
        return "PROGRESS=100 " in self.information("status/bootstrap-phase")

    def vote(self, *, interval: int, offset: int) -> None:
        """Vote at the next second of the day that is `offset` modulo `interval`."""
        self.control.set_options(
            {"TestingV3AuthInitialVotingInterval": str(interval), "TestingV3AuthVotingStartOffset": str(offset)}
        )
