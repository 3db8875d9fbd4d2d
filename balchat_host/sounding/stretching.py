"""Sound played faster at the same pitch: WSOLA, "waveform similarity overlap-add" (Verhelst and Roelands, 1993).

Frames are taken further apart than they are put together again. Each is moved by up to a hundredth of a second, to
where it goes on best from the one before.
"""

from importlib import import_module
from typing import Any, Final

_FRAMES_PER_SECOND: Final = 25
_SHIFTS_PER_SECOND: Final = 100
_MOST: Final = 32_767


class Stretcher:
    """Makes sound faster, piece by piece. At the speed 1 it gives what it takes."""

    def __init__(self, rate: int, speed: float) -> None:
        self._speed = speed
        if speed == 1:
            return
        self._numpy: Any = import_module("numpy")
        self._half = rate // _FRAMES_PER_SECOND // 2
        self._shift = rate // _SHIFTS_PER_SECOND
        self._fade_in: Any = 0.5 - 0.5 * self._numpy.cos(self._numpy.pi * self._numpy.arange(self._half) / self._half)
        self._sound: Any = self._numpy.zeros(0)
        self._next = 0
        """Where the next frame begins, in what is held of the sound."""
        self._goes_on: Any = None
        """What follows on the last frame in the sound itself, where there was one."""

    def take(self, octets: bytes) -> bytes:
        """Return what can be played of the sound so far."""
        if self._speed == 1:
            return octets
        np = self._numpy
        self._sound = np.concatenate([self._sound, np.frombuffer(octets, dtype="<i2").astype(float)])
        made: list[Any] = []
        while self._next + self._shift + 2 * self._half <= len(self._sound):
            begin = self._best()
            frame = self._sound[begin : begin + self._half]
            if self._goes_on is not None:
                frame = self._goes_on * (1 - self._fade_in) + frame * self._fade_in
            made.append(frame)
            self._goes_on = self._sound[begin + self._half : begin + 2 * self._half]
            self._next += round(self._half * self._speed)
        done = max(0, self._next - self._shift)
        self._sound, self._next = self._sound[done:], self._next - done
        return self._octets(made)

    def finish(self) -> bytes:
        """Return what is left."""
        if self._speed == 1 or self._goes_on is None:
            return b""
        return self._octets([self._goes_on * (1 - self._fade_in)])

    def _best(self) -> int:
        """Return where the next frame goes on best from the last one."""
        if self._goes_on is None:
            return self._next
        first = max(0, self._next - self._shift)
        around = self._sound[first : self._next + self._shift + self._half]
        return first + int(self._numpy.argmax(self._numpy.correlate(around, self._goes_on, mode="valid")))

    def _octets(self, made: list[Any]) -> bytes:
        if not made:
            return b""
        whole = self._numpy.concatenate(made)
        return bytes(self._numpy.clip(whole, -_MOST, _MOST).astype("<i2").tobytes())
