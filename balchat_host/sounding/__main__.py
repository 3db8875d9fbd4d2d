"""One recording, or one playing: `python -m balchat_host.sounding record RATE`, `… play RATE SPEED`.

It is a process of its own since the system's sound libraries write to the terminal whatever they like, on which a
person has a screen. What records and plays is `sounddevice`, an extra, with the system's PortAudio.

Sound is PCM: one channel, 16 bits, little-endian. First comes a line of JSON: `{}`, `{"refused": PROBLEM}` where the
device cannot be used, `{"missing": true}` where the libraries are not installed. Then `record` writes sound to the
standard output until nobody reads it any more; `play` plays the standard input to its end, and writes an octet for each
piece that it has taken.
"""

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from balchat_host.sounding.pcm import PER_SECOND, WIDTH
from balchat_host.sounding.stretching import Stretcher


def main(job: str, rate: int, speed: float) -> None:
    """Record or play."""
    try:
        sounddevice = import_module("sounddevice")
    except (ImportError, OSError):  # OSError: the system has no PortAudio
        return _say({"missing": True})
    kind = sounddevice.RawInputStream if job == "record" else sounddevice.RawOutputStream
    try:
        stream = kind(samplerate=rate, channels=1, dtype="int16")
        stream.start()
    except sounddevice.PortAudioError as error:
        return _say({"refused": _problem(str(error))})
    _say({})
    # Where a device goes away meanwhile, this ends, which says it.
    with suppress(sounddevice.PortAudioError):
        if job == "record":
            _record(stream, rate // PER_SECOND)
        else:
            _play(stream, rate // PER_SECOND, Stretcher(rate, speed))
    return None


def _problem(said: str) -> str:
    """Return what PortAudio says is wrong. Where there is no device, it speaks of the device -1."""
    return "there is no device for it" if "device -1" in said else said


def _record(stream: Any, frames: int) -> None:
    while True:
        octets, _ = stream.read(frames)
        _write(bytes(octets))


def _play(stream: Any, frames: int, stretcher: Stretcher) -> None:
    while octets := sys.stdin.buffer.read(frames * WIDTH):
        stream.write(stretcher.take(octets))
        _write(b".")
    stream.write(stretcher.finish())
    stream.stop()  # once all of it is played


def _say(said: dict[str, Any]) -> None:
    _write(json.dumps(said).encode() + b"\n")


def _write(octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 1.0)  # noqa: PLR2004  # the job, its rate, its speed
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # nobody listens any more
