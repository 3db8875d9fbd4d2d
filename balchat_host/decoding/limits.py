"""What bounds a picture and a voice message, for those who have them read and for the process that reads them."""

from typing import Final

MAX_PREVIEW: Final = 8 * 1024
"""Octets of the largest preview."""
VOICE_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Samples in a second that a voice message may have when it is recorded: those that Opus knows."""
MAX_VOICE_SECONDS: Final = 300
MAX_LEVELS: Final = 64
"""How many numbers say how loud a voice message is, at most."""
