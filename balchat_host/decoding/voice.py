"""What is done with voice messages: PCM becomes Ogg Opus, and that a WAV file."""

import io
import struct
from typing import Any, Final

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]  # it has none

from balchat_host.decoding.answer import Answer, Refused
from balchat_host.decoding.limits import MAX_LEVELS, MAX_VOICE_SECONDS, VOICE_RATES

_PER_LEVEL: Final = 100
"""Milliseconds that a level covers at least."""
_BITRATE: Final = 32_000
_LEAST_BITRATE, _MOST_BITRATE = 6_000, 256_000
"""What libsndfile makes of a compression level of 1 and of 0, for one channel."""
_COMPRESSION: Final = 1 - (_BITRATE - _LEAST_BITRATE) / (_MOST_BITRATE - _LEAST_BITRATE)
_MOST_CHANNELS: Final = 2
_GRACE: Final = 1
"""Seconds that a voice message of somebody else's may be longer, since Opus pads."""


def warm_up() -> None:
    """Load whatever the libraries load when they are first used."""
    octets = encode_voice(bytes(2 * 4800), VOICE_RATES[-1]).results[0]
    decode_voice(octets)


def encode_voice(octets: bytes, rate: int) -> Answer:
    """Make Ogg Opus of PCM: one channel, 16 bits, little-endian."""
    if rate not in VOICE_RATES:
        raise Refused("it has a rate that Opus does not know")
    sound = np.frombuffer(octets[: len(octets) & ~1], dtype="<i2")
    if not 0 < len(sound) <= MAX_VOICE_SECONDS * rate:
        raise Refused(f"it is empty, or longer than {MAX_VOICE_SECONDS // 60} minutes")
    made = io.BytesIO()
    with soundfile.SoundFile(
        made, "w", rate, 1, subtype="OPUS", format="OGG", compression_level=_COMPRESSION
    ) as written:
        for begin in range(0, len(sound), rate):
            written.write(sound[begin : begin + rate])
    duration = max(1, len(sound) * 1000 // rate)
    return Answer(results=(made.getvalue(),), said={"duration": duration, "levels": _levels(sound, duration)})


def decode_voice(octets: bytes) -> Answer:
    """Make a WAV file of the first channel of Ogg Opus."""
    pieces: list[bytes] = []
    try:
        with soundfile.SoundFile(io.BytesIO(octets)) as sound:
            if (sound.format, sound.subtype) != ("OGG", "OPUS") or sound.samplerate not in VOICE_RATES:
                raise Refused("it is not Ogg Opus")
            if sound.channels > _MOST_CHANNELS:
                raise Refused("it has more than two channels")
            rate = sound.samplerate
            for _ in range(MAX_VOICE_SECONDS + _GRACE):
                read: Any = sound.read(rate, dtype="int16", always_2d=True)
                if not len(read):
                    break
                pieces.append(read[:, 0].astype("<i2").tobytes())
            else:
                raise Refused(f"it is longer than {MAX_VOICE_SECONDS // 60} minutes")
    except soundfile.LibsndfileError as error:
        raise Refused("it is not Ogg Opus, or broken") from error
    return Answer(results=(_wav(b"".join(pieces), rate),))


def _levels(sound: Any, duration: int) -> list[int]:
    """Return how loud each stretch is, the loudest of them at 255."""
    count = max(1, min(MAX_LEVELS, duration // _PER_LEVEL))
    loud = [float(np.sqrt(np.mean(np.square(each, dtype="float64")))) for each in np.array_split(sound, count)]
    most = max(*loud, 1.0)
    return [round(255 * each / most) for each in loud]


def _wav(sound: bytes, rate: int) -> bytes:
    """Return a WAV file (RIFF, PCM) of one channel of 16 bits."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + len(sound), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(sound))
        + sound
    )
