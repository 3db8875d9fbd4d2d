"""Sound for front ends: recorded from this machine's microphone, played on its loudspeaker; it stays in memory.

    with Microphone() as microphone:
        while not recording.full:
            recording.take(microphone.read())

Sound is PCM: one channel, 16 bits, little-endian. What records and plays waits: use it in a thread. A process of
its own does the work (`balchat_host.sounding`), with libraries that are an extra.
"""

import io
import json
import sys
import wave
from array import array
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, Final, Self

import anyio

from balchat_host.api.errors import BadInput, BalchatError, SoundFailed, VoiceMissing
from balchat_host.api.frontend import MAX_OCTETS, App
from balchat_host.api.text import visible
from balchat_host.api.views import FileView
from balchat_host.decoding.limits import MAX_VOICE_SECONDS, VOICE_RATES
from balchat_host.sounding import pcm

RATE: Final = 48_000
"""Samples in a second of what is recorded."""
LONGEST: Final = MAX_VOICE_SECONDS
"""Seconds of the longest recording."""
WARNED_AT: Final = 30
"""Seconds before the end of the longest recording at which a person is warned."""
SPEEDS: Final = (1.0, 1.5, 2.0)
PER_SECOND: Final = pcm.PER_SECOND
"""Pieces in which sound comes and goes in a second."""
WIDTH: Final = pcm.WIDTH
"""Octets of a sample."""
_LOUDEST: Final = 32_768
_AHEAD: Final = 2
"""Pieces that are given to the loudspeaker before they are played."""
_MAX_LINE: Final = 4096
_MAX_PROBLEM: Final = 120


class Recording:
    """Sound as it is recorded. Nothing is lost at the limit: what came until then stays."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._octets = 0
        self.level = 0
        """How loud the last piece is, 0 to 255."""

    def take(self, octets: bytes) -> None:
        """Take what was recorded since the last call, up to the limit."""
        kept = octets[: LONGEST * RATE * WIDTH - self._octets]
        self._pieces.append(kept)
        self._octets += len(kept)
        samples = array("h", kept[: len(kept) // WIDTH * WIDTH])
        loudest, lowest = max(samples, default=0), min(samples, default=0)
        self.level = max(loudest, -lowest) * 256 // (_LOUDEST + 1)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._octets / (RATE * WIDTH)

    @property
    def ends_soon(self) -> bool:
        """Whether the limit is near."""
        return self.seconds >= LONGEST - WARNED_AT

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.seconds >= LONGEST

    @property
    def sound(self) -> bytes:
        """What was recorded."""
        return b"".join(self._pieces)


class _Device(AbstractContextManager["_Device"]):
    """The process that has the device."""

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments

    def __enter__(self) -> Self:
        """Begin. Raise VoiceMissing, SoundFailed."""
        # -P: no module of the folder that the person happens to be in.
        command = [sys.executable, "-P", "-m", "balchat_host.sounding", *map(str, self._arguments)]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True)
        try:
            self._check(self._output.readline(_MAX_LINE))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @property
    def _output(self) -> Any:
        return self._process.stdout

    @property
    def _input(self) -> Any:
        return self._process.stdin

    def _check(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            raise SoundFailed(problem="what records and plays broke down") from None
        if said.get("missing"):
            raise VoiceMissing
        if "refused" in said:
            raise SoundFailed(problem=visible(str(said["refused"])[:_MAX_PROBLEM]))

    def __exit__(self, *_: object) -> None:
        """End at once."""
        self._process.kill()
        with suppress(OSError):
            self._input.close()
        self._output.close()
        self._process.wait()


class Microphone(_Device):
    """Records from the microphone as long as it is entered."""

    def __init__(self) -> None:
        super().__init__("record", RATE)

    def read(self) -> bytes:
        """Return the next piece, once it is recorded. Raise SoundFailed where the microphone is gone."""
        octets = self._output.read(RATE * WIDTH // PER_SECOND)
        if not octets:
            raise SoundFailed(problem="the microphone is gone")
        return octets


class Loudspeaker(_Device):
    """Plays sound of a rate, at a speed of SPEEDS, as long as it is entered."""

    def __init__(self, rate: int, speed: float = 1.0) -> None:
        super().__init__("play", rate, speed)
        self._waiting = 0

    def write(self, piece: bytes) -> None:
        """Play one piece, a tenth of a second; return when it is nearly played. Raise SoundFailed."""
        try:
            self._input.write(piece)
            self._input.flush()
        except OSError:
            raise SoundFailed(problem="the loudspeaker is gone") from None
        self._waiting += 1
        while self._waiting > _AHEAD:
            if not self._output.read(1):
                raise SoundFailed(problem="the loudspeaker is gone")
            self._waiting -= 1

    def finish(self) -> None:
        """Wait until everything is played."""
        self._input.close()
        while self._output.read(1):
            pass
        self._process.wait()


def wav_sound(wav: bytes) -> tuple[bytes, int]:
    """Return the sound of a WAV file that the account gives (`Files.play`), and its rate."""
    with wave.open(io.BytesIO(wav)) as opened:
        return opened.readframes(opened.getnframes()), opened.getframerate()


def pieces(sound: bytes, rate: int, begin: float = 0) -> list[bytes]:
    """Return a sound from a second on in the pieces that a loudspeaker takes."""
    size = rate // PER_SECOND * WIDTH
    return [sound[at : at + size] for at in range(int(begin * PER_SECOND) * size, len(sound), size)]


def read_wav(path: Path) -> tuple[bytes, int]:
    """Return the sound of a WAV file, and its rate. Raise BadInput."""
    try:
        with wave.open(str(path), "rb") as opened:
            form = (opened.getnchannels(), opened.getsampwidth())
            rate, frames = opened.getframerate(), opened.getnframes()
            if form != (1, WIDTH) or rate not in VOICE_RATES:
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


async def attach(app: App, sound: bytes, rate: int) -> FileView:
    """Hand recorded sound to the account, to be sent. Raise what the App raises; then nothing of it is left there."""
    file = await app.files.attach_voice(len(sound), rate)
    try:
        for offset in range(0, len(sound), MAX_OCTETS):
            await app.files.write(file.id, offset, sound[offset : offset + MAX_OCTETS])
    except BaseException:
        # What failed is the news; where this fails too, the account forgets the file in time.
        with anyio.CancelScope(shield=True), suppress(BalchatError):
            await app.files.remove(file.id)
        raise
    return await app.files.get(file.id)
