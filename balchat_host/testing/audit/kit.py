"""What every test of a kit has around it: a time limit that names the test, and an audit of what it leaves behind."""

from collections.abc import AsyncGenerator, Generator, Sequence
from pathlib import Path

import pytest

from balchat_host.testing.audit import audited, audited_without_loop, folders_of
from balchat_host.testing.limits import limited


class AuditedKit:
    """Give it to a kit as a base."""

    @pytest.fixture(autouse=True)
    def limited_test(self, request: pytest.FixtureRequest) -> Generator[None]:
        """Let no test hang without saying which."""
        with limited(request):
            yield

    @pytest.fixture(autouse=True)
    def audited_test(self, request: pytest.FixtureRequest, limited_test: None) -> Generator[None]:
        """Look at what each test leaves behind, when all else of it has ended."""
        del limited_test
        if "anyio_backend" in request.fixturenames:
            request.getfixturevalue("audited_in_loop")
            yield
        else:
            with audited_without_loop(folders=lambda: self.folders(request)):
                yield

    @pytest.fixture
    async def audited_in_loop(self, request: pytest.FixtureRequest) -> AsyncGenerator[None]:
        async with audited(folders=lambda: self.folders(request)):
            yield

    @staticmethod
    def folders(request: pytest.FixtureRequest) -> Sequence[Path]:
        """Return the folders in which files may stay."""
        return folders_of(request)


class FolderKit(AuditedKit):
    """A kit whose plugin may keep files in `tmp_path`."""

    @staticmethod
    def folders(request: pytest.FixtureRequest) -> Sequence[Path]:
        return [request.node.funcargs["tmp_path"]] if "tmp_path" in request.node.funcargs else []


class AppKitAudit(AuditedKit):
    """A kit for an App, whose account may keep files in any folder that a fixture of the test gives."""

    @staticmethod
    def folders(request: pytest.FixtureRequest) -> Sequence[Path]:
        return [given for given in request.node.funcargs.values() if isinstance(given, Path)]
