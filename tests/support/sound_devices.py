"""A stand-in for `sounddevice`: what is recorded comes from a file, and what is played goes to one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pytest

_MODULE: Final = """
import os
from pathlib import Path
from time import sleep

FOLDER = Path({folder!r})


class PortAudioError(Exception):
    pass


class _Stream:
    def __init__(self, samplerate, channels, dtype):
        os.write(2, b"ALSA lib pcm.c: what the system's libraries write")
        if (FOLDER / "broken").exists():
            raise PortAudioError("Error querying device -1")
        assert (channels, dtype) == (1, "int16")
        (FOLDER / "process").write_text(str(os.getpid()))
        while (FOLDER / "slow").exists():
            sleep(0.01)
        (FOLDER / "rate").write_text(str(samplerate))

    def start(self):
        pass

    stop = start


class RawInputStream(_Stream):
    at = 0

    def read(self, frames):
        sound = (FOLDER / "microphone").read_bytes()
        if self.at >= len(sound):
            raise PortAudioError("Device unplugged")
        octets, self.at = sound[self.at : self.at + 2 * frames], self.at + 2 * frames
        return octets, False


class RawOutputStream(_Stream):
    def write(self, octets):
        with (FOLDER / "loudspeaker").open("ab") as stream:
            stream.write(octets)
"""


class SoundDevices:
    """A microphone and a loudspeaker, for every process that is started from now on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "sounddevice.py").write_text(_MODULE.format(folder=str(folder)))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    def hears(self, sound: bytes) -> None:
        """Have this come from the microphone, which is gone after it."""
        (self._folder / "microphone").write_bytes(sound)

    def breaks(self) -> None:
        """Have no device be usable."""
        (self._folder / "broken").touch()

    def is_missing(self) -> None:
        """Have the libraries not be installed."""
        (self._folder / "sounddevice.py").write_text("raise ImportError")

    @contextmanager
    def opening_slowly(self) -> Generator[None]:
        """Have a device be opened only after this."""
        (self._folder / "slow").touch()
        yield
        (self._folder / "slow").unlink()

    @property
    def process(self) -> int | None:
        """The process that opened a device last."""
        path = self._folder / "process"
        return int(path.read_text() or 0) or None if path.exists() else None

    @property
    def played(self) -> bytes:
        """What came out of the loudspeaker."""
        path = self._folder / "loudspeaker"
        return path.read_bytes() if path.exists() else b""

    @property
    def rate(self) -> int:
        """The rate that was asked for last."""
        return int((self._folder / "rate").read_text())
