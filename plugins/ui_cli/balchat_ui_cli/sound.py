"""Records from this machine's microphone, and plays on its loudspeaker; sound stays in memory.

Sound is PCM: one channel, 16 bits, little-endian. What records and plays is `sounddevice`, with the system's PortAudio:
an extra, which is imported when it is needed.
"""

import io
import wave
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Final

from balchat_host.api.decoder import MAX_VOICE_SECONDS, VOICE_RATES
from balchat_host.api.errors import BadInput, VoiceMissing

RATE: Final = 48_000
WARNED_AT: Final = 30
"""Seconds before the limit at which that is said."""
_WIDTH: Final = 2


class Recording:
    """Sound as it is recorded. Nothing is lost at the limit: what came until then stays."""

    def __init__(self, warn: Callable[[], None]) -> None:
        self._warn: Callable[[], None] | None = warn
        self._pieces: list[bytes] = []
        self._octets = 0
        self.full = Event()
        """Set when the limit is reached."""

    def take(self, octets: bytes) -> None:
        """Take what was recorded since the last call, up to the limit."""
        most = MAX_VOICE_SECONDS * RATE * _WIDTH
        kept = octets[: most - self._octets]
        self._pieces.append(kept)
        self._octets += len(kept)
        if self._warn is not None and self._octets >= most - WARNED_AT * RATE * _WIDTH:
            warn, self._warn = self._warn, None
            warn()
        if self._octets == most:
            self.full.set()

    @property
    def sound(self) -> bytes:
        """What was recorded."""
        return b"".join(self._pieces)


def record(recording: Recording, until: Callable[[], None]) -> None:
    """Record until a function returns that blocks. Raise VoiceMissing, BadInput."""
    sounddevice = _sounddevice()

    def take(octets: Any, *_: object) -> None:
        recording.take(bytes(octets))

    try:
        with sounddevice.RawInputStream(samplerate=RATE, channels=1, dtype="int16", callback=take):
            until()
    except sounddevice.PortAudioError as error:
        raise BadInput(what="The microphone", problem=f"it cannot be used ({error})") from error


def play(wav: bytes) -> None:
    """Play a WAV file to its end. Raise VoiceMissing, BadInput."""
    sounddevice = _sounddevice()
    with wave.open(io.BytesIO(wav)) as opened:
        rate, sound = opened.getframerate(), opened.readframes(opened.getnframes())
    try:
        with sounddevice.RawOutputStream(samplerate=rate, channels=1, dtype="int16") as stream:
            stream.write(sound)
    except sounddevice.PortAudioError as error:
        raise BadInput(what="The loudspeaker", problem=f"it cannot be used ({error})") from error


def read_wav(path: Path) -> tuple[bytes, int]:
    """Return the sound of a WAV file, and its rate. Raise BadInput."""
    try:
        with wave.open(str(path), "rb") as opened:
            form = (opened.getnchannels(), opened.getsampwidth())
            rate, frames = opened.getframerate(), opened.getnframes()
            if form != (1, _WIDTH) or rate not in VOICE_RATES:
                problem = "it must have one channel of 16 bits, at 8, 12, 16, 24 or 48 kHz"
                raise BadInput(what=str(path), problem=problem)
            if frames > MAX_VOICE_SECONDS * rate:
                raise BadInput(what=str(path), problem=f"it is longer than {MAX_VOICE_SECONDS // 60} minutes")
            sound = opened.readframes(frames)
    except (wave.Error, EOFError) as error:
        raise BadInput(what=str(path), problem="it is no WAV file") from error
    except OSError as error:
        raise BadInput(what=str(path), problem=f"it cannot be read ({error.strerror})") from error
    return sound, rate


def _sounddevice() -> Any:
    try:
        import sounddevice  # pyright: ignore[reportMissingTypeStubs, reportMissingImports]  # it has none, and is an extra
    except (ImportError, OSError) as error:  # OSError: the system has no PortAudio
        raise VoiceMissing from error
    return sounddevice
