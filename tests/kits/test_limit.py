"""What ignores being cancelled ends the run, with the name of the test that it hangs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUBBORN = """
import anyio, pytest
from balchat_host.testing.transport_kit import TransportKit
from tests.kits.line_bench import LineBench
from tests.kits.line_transport import LineTransport

class Stubborn(LineTransport):
    async def run(self, *, task_status):
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep_forever()

class TestStubborn(TransportKit):
    @pytest.fixture
    def bench(self):
        return LineBench(Stubborn)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_works_on_behind_a_shield_is_named(tmp_path: Path, backend: str) -> None:
    (tmp_path / "test_stubborn.py").write_text(STUBBORN)
    name = f"test_an_envelope_arrives_as_it_was[{backend}]"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, f"test_stubborn.py::TestStubborn::{name}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "BALCHAT_TEST_PATIENCE": "0.5"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"TestStubborn::{name} did not end within 2.5 s" in done.stderr
