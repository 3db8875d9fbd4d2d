"""What every test of a kit has around it: a time limit that names the test, and an audit of what it leaves behind."""

from collections.abc import AsyncGenerator, Generator

import pytest

from balchat_host.testing.audit import audited, folders_of
from balchat_host.testing.limits import limited


class AuditedKit:
    """Give it to a kit as a base."""

    @pytest.fixture(autouse=True)
    def limited_test(self, request: pytest.FixtureRequest) -> Generator[None]:
        """Let no test hang without saying which."""
        with limited(request):
            yield

    @pytest.fixture(autouse=True)
    async def audited_test(
        self, request: pytest.FixtureRequest, anyio_backend: object, limited_test: None
    ) -> AsyncGenerator[None]:
        """Look at what each test leaves behind, when all else of it has ended."""
        del anyio_backend, limited_test
        async with audited(folders=lambda: folders_of(request)):
            yield
