"""How the vault is found: the entry point, the descriptor, and what loading it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import current_token
from balchat_storage_sqlcipher import plugin
from balchat_storage_sqlcipher.jobs import Job, wake
from balchat_storage_sqlcipher.settings import Settings
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api import API_VERSION, ENTRY_POINT_GROUP


def test_the_entry_point_leads_to_a_descriptor_whose_factory_makes_the_storage() -> None:
    (entry,) = (entry for entry in entry_points(group=ENTRY_POINT_GROUP) if entry.name == "storage_sqlcipher")
    assert entry.load() is plugin
    (descriptor,) = plugin.balchat_storages()
    assert (descriptor.kind, descriptor.name, descriptor.api_version) == ("storage", entry.name, API_VERSION)
    assert isinstance(descriptor.factory(descriptor.settings()), SqlcipherStorage)
    assert descriptor.settings is Settings


def test_registering_loads_neither_driver_nor_argon2() -> None:
    program = (
        "import sys, balchat_storage_sqlcipher.plugin as plugin\n"
        "plugin.balchat_storages()\n"
        "print([name for name in ('sqlcipher3', 'pysqlcipher3', 'argon2', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_callers_in_several_loops_are_told_in_their_own() -> None:
    outcomes: list[str] = []

    async def make(name: str) -> Job[None, str]:
        job: Job[None, str] = Job(lambda _: name)
        job.result = name
        return job

    async def wait(job: Job[None, str]) -> None:
        with anyio.fail_after(60):
            outcomes.append(await job.outcome())

    with start_blocking_portal("asyncio") as one, start_blocking_portal("trio") as other:
        jobs = [one.call(make, "one"), other.call(make, "other"), one.call(make, "one again")]
        wake(jobs)
        one.call(wait, jobs[0])
        other.call(wait, jobs[1])
        one.call(wait, jobs[2])
    assert outcomes == ["one", "other", "one again"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_caller_whose_loop_has_ended_is_no_error(backend: str) -> None:
    async def make() -> Job[None, None]:
        current_token()
        return Job(lambda _: None)

    wake([anyio.run(make, backend=backend)])
