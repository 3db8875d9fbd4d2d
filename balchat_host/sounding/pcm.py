"""The form of sound between a front end and the process that has the device: PCM, in pieces."""

from typing import Final

PER_SECOND: Final = 10
"""Pieces in which sound comes and goes in a second."""
WIDTH: Final = 2
"""Octets of a sample."""
