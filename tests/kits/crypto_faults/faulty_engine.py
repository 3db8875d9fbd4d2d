"""balchat's own crypto engine, for faults to be planted in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from balchat_crypto_mls.engine import MlsEngine

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


class FaultyEngine(MlsEngine):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = ()
    """How the test fails where that is no failure of every plugin."""
    ended: ClassVar[list[Path]] = []
    """What the audit's faults leave behind, for the test to end."""
