"""An account in memory that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.memory_profiles import MemoryProfiles

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryProfiles:
    """The profiles of this machine. The account of the default one runs."""
    monkeypatch.setenv("TZ", "UTC")
    profiles = MemoryProfiles(tmp_path)
    profiles.profile().make()
    profiles.profile().running = True
    return profiles


@pytest.fixture
def alice(profiles: MemoryProfiles) -> MemoryAccount:
    return profiles.profile().account
