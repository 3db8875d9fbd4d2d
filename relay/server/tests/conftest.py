"""aiohttp needs asyncio, so everything here runs on it."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
