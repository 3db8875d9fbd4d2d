"""Registers the engine. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.descriptors import CryptoDescriptor, NoSettings
from balchat_host.api.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.crypto import CryptoEngine


def make(settings: NoSettings) -> CryptoEngine:
    """Make the engine. It has no state of its own."""
    del settings
    from balchat_crypto_sample.engine import SampleEngine  # noqa: PLC0415  # see the module's docstring

    return SampleEngine()


@hookimpl
def balchat_crypto_engines() -> Sequence[CryptoDescriptor]:
    """Register `crypto_sample`."""
    return [
        CryptoDescriptor(
            name="crypto_sample",
            summary="MLS (RFC 9420), at first by balchat's own engine",
            api_version=1,
            factory=make,
        )
    ]
