"""One node of the private Tor network: a directory authority that is also a relay.

Every node is an authority because an authority makes the consensus itself; a mere relay fetches it, and retries that
at random times. The steps are blocking and called in order by `PrivateTorNetwork`.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from balchat_host.api.errors import NetworkUnavailable
from balchat_network_tor.control import Control

_TORRC: Final = """\
TestingTorNetwork 1
AssumeReachable 1
Address 127.0.0.1
DataDirectory {folder}
ControlSocket {folder}/control
Log notice stdout
SocksPort 0
Nickname {name}
ContactInfo none
ORPort 127.0.0.1:{or_port}
DirPort 127.0.0.1:{dir_port}
ExitRelay 0
ExitPolicy reject *:*
ShutdownWaitLength 0
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
MinUptimeHidServDirectoryV2 0
ConsensusParams cc_alg=2 KISTSchedRunInterval=2
V3AuthVotingInterval {interval}
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVotingInterval {interval}
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
TestingV3AuthVotingStartOffset {offset}
"""
# cc_alg=2 is congestion control as in the public network (proposal 324); without it throughput is another.

VOTING_INTERVAL: Final = 1800
"""Seconds between two consensuses. Half an hour is the most that tor takes, and keeps the network as it is during a
run: an onion's time period is 24 of these intervals (rend-spec-v3, section 2.2.1)."""

_NO_FINGERPRINT: Final = "0" * 40


class Node:
    """A node in `folder`, which is made. `offset` is the second of the voting interval at which a consensus is due."""

    def __init__(self, *, folder: Path, name: str, or_port: int, dir_port: int, offset: int) -> None:
        self.name = name
        self._folder = folder
        self._or_port = or_port
        self._dir_port = dir_port
        self._torrc = folder / "torrc"
        self._log = folder / "log"
        self._settings = _TORRC.format(
            folder=folder, name=name, or_port=or_port, dir_port=dir_port, interval=VOTING_INTERVAL, offset=offset
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Control | None = None

    def make_keys(self, *, tor: str, tor_gencert: str) -> str:
        """Make the node's keys; give the DirAuthority line by which others know it.

        Raises OSError where a program is missing and CalledProcessError where one fails.
        """
        keys = self._folder / "keys"
        self._folder.mkdir(mode=0o700)
        keys.mkdir(mode=0o700)
        self._run(
            tor_gencert,
            *("--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a", f"127.0.0.1:{self._dir_port}"),
            *("-i", str(keys / "authority_identity_key"), "-s", str(keys / "authority_signing_key")),
            *("-c", str(keys / "authority_certificate")),
        )
        certificate = (keys / "authority_certificate").read_text()
        identity = re.search(r"^fingerprint ([0-9A-F]{40})$", certificate, re.MULTILINE)
        assert identity is not None, "dir-spec, section 4.1: every key certificate has its fingerprint"
        # tor makes the rest of its keys, but an authority refuses to start unless it finds itself in the list.
        self._torrc.write_text(self._settings + self._authority_line(identity[1], _NO_FINGERPRINT))
        printed = self._run(tor, *self._arguments(), "--list-fingerprint")
        return self._authority_line(identity[1], printed.splitlines()[-1].split(" ", 1)[1])

    def start(self, *, tor: str, authorities: Sequence[str]) -> None:
        """Start the process. It ends by itself once we are gone."""
        owner = f"__OwningControllerProcess {os.getpid()}\n"
        self._torrc.write_text(self._settings + owner + "".join(authorities))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [tor, *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at a terminal is for the program, which then ends its nodes
            )

    def connect(self) -> bool:
        """Try to reach the control socket; say whether it worked. From then on tor ends at once when we are gone."""
        if self._control is None and self.running:
            try:
                self._control = Control.connect(self._folder / "control")
            except NetworkUnavailable:
                return False
            self._control.take_ownership()
        return self._control is not None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def known_relays(self) -> int:
        """How many nodes' descriptors have arrived here."""
        return len(re.findall(r"^router ", self._information("desc/all-recent"), re.MULTILINE))

    def known_directories(self) -> int:
        """How many onion service directories the consensus has, if there is one."""
        return len(re.findall(r"^s .*\bHSDir\b", self._information("ns/all"), re.MULTILINE))

    def bootstrapped(self) -> bool:
        """Whether this node has built a circuit."""
        return "PROGRESS=100 " in self._information("status/bootstrap-phase")

    def vote(self, *, interval: int, offset: int) -> None:
        """Vote at the next second of the day that is `offset` modulo `interval`."""
        assert self._control is not None
        self._control.set_options(
            {"TestingV3AuthInitialVotingInterval": str(interval), "TestingV3AuthVotingStartOffset": str(offset)}
        )

    def stop(self) -> None:
        """End the process, surely; return when it is gone."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of the node's log."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def _information(self, keyword: str) -> str:
        assert self._control is not None
        try:
            return self._control.information(keyword)
        except NetworkUnavailable:  # it does not know yet, or is no more, which `running` tells
            return ""

    def _arguments(self) -> tuple[str, ...]:
        return ("-f", str(self._torrc), "--defaults-torrc", os.devnull, "--hush")

    def _authority_line(self, identity: str, fingerprint: str) -> str:
        return (
            f"DirAuthority {self.name} orport={self._or_port} no-v2 v3ident={identity}"
            f" 127.0.0.1:{self._dir_port} {fingerprint}\n"
        )

    def _run(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, input="\n").stdout
