"""Registers the MLS engine. Everything expensive is imported when it is made, not when it is registered."""

from collections.abc import Sequence

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import CryptoDescriptor, NoSettings
from balchat_host.api.hookspecs import hookimpl


def make(_settings: NoSettings) -> CryptoEngine:
    """Make the engine. It has no state of its own."""
    from balchat_crypto_mls.engine import MlsEngine  # noqa: PLC0415  # loads the native library

    return MlsEngine()


@hookimpl
def balchat_crypto_engines() -> Sequence[CryptoDescriptor]:
    """Register `crypto_mls`."""
    return [
        CryptoDescriptor(
            name="crypto_mls",
            summary="MLS (RFC 9420) through mls-rs",
            api_version=1,
            factory=make,
        )
    ]
