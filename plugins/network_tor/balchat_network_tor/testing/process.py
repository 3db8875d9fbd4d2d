"""A tor process of the private network: it ends with us, in any case. The steps are blocking, and called in order."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from balchat_host.api.errors import NetworkUnavailable
from balchat_network_tor.control import Control


class TorProcess:
    """A tor in `folder`, which is made."""

    def __init__(self, *, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder
        self._torrc = folder / "torrc"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Control | None = None

    def make_folder(self) -> None:
        """Make the folder, for nobody else."""
        self.folder.mkdir(mode=0o700)

    def start(self, tor: str, settings: Sequence[str]) -> None:
        """Start the process with these lines of configuration, and what every tor here has."""
        self.write_torrc(
            [
                "TestingTorNetwork 1",
                f"DataDirectory {self.folder}",
                f"ControlSocket {self.folder}/control",
                f"__OwningControllerProcess {os.getpid()}",
                "Log notice stdout",
                "SocksPort 0",
                *settings,
            ]
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [tor, *self.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at a terminal is for the program, which then ends its nodes
            )

    def write_torrc(self, lines: Sequence[str]) -> None:
        """Write the configuration."""
        self._torrc.write_text("".join(f"{line}\n" for line in lines))

    def arguments(self) -> tuple[str, ...]:
        """Make tor read that configuration and no other."""
        return ("-f", str(self._torrc), "--defaults-torrc", os.devnull, "--hush")

    def connect(self) -> bool:
        """Try to reach the control socket; say whether it worked. From then on tor ends at once when we are gone."""
        if self._control is None and self.running:
            try:
                self._control = Control.connect(self.folder / "control")
            except NetworkUnavailable:
                return False
            self._control.take_ownership()
        return self._control is not None

    @property
    def control(self) -> Control:
        """The control connection, once `connect` worked."""
        assert self._control is not None
        return self._control

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def information(self, keyword: str) -> str:
        """Ask tor (GETINFO); empty where it does not know yet, or is no more, which `running` tells."""
        try:
            return self.control.information(keyword)
        except NetworkUnavailable:
            return ""

    def stop(self) -> None:
        """End the process, surely; return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"
