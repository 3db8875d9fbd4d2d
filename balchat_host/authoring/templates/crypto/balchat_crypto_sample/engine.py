"""The engine itself: at first balchat's own, of which each method can be replaced by another library's.

The contract is `balchat_host.api.crypto`. Replace the methods that share a format at once (`key_package`, `found` and
`join`; `encrypt` and `decrypt`), and the base class when none of its methods is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_crypto_mls.engine import MlsEngine

if TYPE_CHECKING:
    from balchat_host.api.storage import KeyValueArea


class SampleEngine(MlsEngine):
    """Makes and reads what MLS protects."""

    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        return super().encrypt(state, group_id, data)
