"""The verdicts on a plugin. Each part runs in a process of its own, with a limit: nothing that a plugin does ends more.

1. It is imported; descriptors, version of the contracts and settings are looked at (`inspection`;
   `relay_store_inspection` for the store of a relay).
2. Its own tests run, which use a conformance kit or an account in memory.
3. Accounts that go afterwards run it, become contacts, and exchange a message (`trial`).

What is wrong ends it: what would come next could only fail for the same reason. What was not tried is told as that.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from balchat_common.toml_files import Unusable, anybodys_text
from balchat_common.words import either

from balchat_host.api.failures import TRACEBACK
from balchat_host.api.types import Check, Problem
from balchat_host.authoring.child import Ended, run_child, run_quietly
from balchat_host.authoring.subject import Subject, find_subject
from balchat_host.authoring.telling import told

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

INSPECTION_LIMIT: Final = 30.0
"""Seconds to import a plugin and look at it."""
TESTS_LIMIT: Final = 420.0
"""Seconds for its own tests: a kit takes less than 60 of a good plugin, and 300 to give up one test that hangs."""
TRIAL_LIMIT: Final = 240.0
"""Seconds for the accounts to come up, meet and talk."""

_KITS: Final = ("transport_kit", "network_kit", "storage_kit", "crypto_kit", "store_kit", "front_end_kit")
_ACCOUNTS: Final = ("memory_account", "memory_profiles")
_FIRST: Final = "not tried: mend what is wrong first"
_SHOWN: Final = 20
"""Lines of a failure that are shown."""
_MOST_SOURCES: Final = 256
"""Files of tests that are looked at for a kit."""


def check_plugin(plugin: str, *, program: str, overrides: Mapping[str, str]) -> Iterator[Check]:
    """Return the verdicts on a plugin, by name or folder, as they come. `program` is a front end to run accounts with.

    Raise NoSuchPlugin, BadInput, before anything is run.
    """
    return _verdicts(find_subject(plugin), program, [f"{key}={value}" for key, value in overrides.items()])


def _verdicts(subject: Subject, program: str, overrides: Sequence[str]) -> Generator[Check]:
    with subject.environment() as environment:
        if not (yield from _look(subject, environment, overrides)):
            yield Check(name="tests", finding=_FIRST, tried=False)
        else:
            tests = _tests(subject, environment)
            yield tests
            if tests.problem is None:
                yield from _try(subject, environment, program, overrides)
                return
        if subject.plugins:
            yield Check(name="use by accounts", finding=_FIRST, tried=False)


def _look(subject: Subject, environment: Mapping[str, str], overrides: Sequence[str]) -> Generator[Check, None, bool]:
    """Look at everything that it registers; return whether all of that is well."""
    for plugin in subject.plugins:
        inspection = ["balchat_host.authoring.inspection", plugin, *overrides]
        if not (yield from _told(inspection, environment, name=plugin, limit=INSPECTION_LIMIT)):
            return False
    for store in subject.relay_stores:
        inspection = ["balchat_host.authoring.relay_store_inspection", store]
        if not (yield from _told(inspection, environment, name=store, limit=INSPECTION_LIMIT)):
            return False
    return True


def _try(subject: Subject, environment: Mapping[str, str], program: str, overrides: Sequence[str]) -> Generator[Check]:
    """Have accounts use each plugin."""
    for plugin in subject.plugins:
        # A short path, as sockets need one.
        with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
            Path(folder, "run").mkdir(mode=0o700)
            of_trial = {**environment, "XDG_RUNTIME_DIR": f"{folder}/run", "TMPDIR": folder}
            trial = ["balchat_host.authoring.trial", folder, plugin, program, *overrides]
            if not (yield from _told(trial, of_trial, name=plugin, limit=TRIAL_LIMIT)):
                return


def _told(
    command: Sequence[str], environment: Mapping[str, str], *, name: str, limit: float
) -> Generator[Check, None, bool]:
    """Run one of our modules, yield what it tells, and return whether all of that is well.

    What is wrong comes with what the process said last on its standard error: the traceback, where there is one.
    """
    wrong: Check | None = None
    is_done = False
    # Aborted, it says where it stands. -P: what lies in the folder that we are in is not imported.
    python = [sys.executable, "-P", "-X", "faulthandler", "-m"]
    child = run_child([*python, *command], environment={**environment, TRACEBACK: "1"}, limit=limit)
    while True:
        try:
            line = next(child)
        except StopIteration as stopped:
            ended: Ended = stopped.value
            break
        if not line:
            continue
        try:
            check = told(line)
        except ValueError:
            child.close()
            yield _wrong(name, "its process said something else than a verdict", "leave the host's own pipes alone")
            return False
        if check is None:
            is_done = True
        elif check.problem is None:
            yield check
        else:
            wrong = check
    wrong = wrong or _cut_short(ended, name, limit, is_done=is_done)
    if wrong is None:
        return True
    assert wrong.problem is not None
    what = "\n".join([wrong.problem.what, *_last_words(ended.said)])
    yield replace(wrong, problem=replace(wrong.problem, what=what))
    return False


def _cut_short(ended: Ended, name: str, limit: float, *, is_done: bool) -> Check | None:
    """Return what is wrong where a process ended before it was done; None where it was."""
    if ended.late:
        what = f"it was not done within {limit:g} s: it blocks, or does not end when it is cancelled"
        return _wrong(name, what, "look at what it waits for: the innermost call comes first")
    if ended.code == -signal.SIGINT:
        return _wrong(name, "it raised KeyboardInterrupt, which is a person's and ends balchat", "raise something else")
    if ended.code < 0:
        what = f"its process crashed ({signal.Signals(-ended.code).name})"
        return _wrong(name, what, "look at where it stood: the innermost call comes first")
    if ended.code != 0:
        return _wrong(name, "its process ended", "mend what the last lines name")
    if not is_done:
        return _wrong(name, "it ended its process before all was looked at", "do not call os._exit(), nor fork")
    return None


def _last_words(text: str) -> Sequence[str]:
    """Return the end of what was logged: where it stood when it was aborted, or from its last traceback on."""
    lines = text.strip().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Current thread "):
            return list(takewhile(bool, lines[number + 1 :]))[:_SHOWN]
    tracebacks = [number for number, line in enumerate(lines) if line.startswith("Traceback ")]
    # The line before a traceback says what failed.
    start = max(tracebacks[-1] - 1, 0) if tracebacks else 0
    return lines[start:][-_SHOWN:]


def _tests(subject: Subject, environment: Mapping[str, str]) -> Check:
    """Run its tests."""
    if subject.tests is None:
        if subject.installed:
            finding = "not tried: they are in its source; check the folder of that"
            return Check(name="tests", finding=finding, tried=False)
        return _wrong("tests", "it has no folder `tests`", f"write some, with {either(_KITS)} of balchat_host.testing")
    missing = [name for name in ("pytest", "anyio", "hypothesis", "blockbuster") if find_spec(name) is None]
    if missing:
        remedy = (
            "make the environment that a new plugin's README describes, and use the balchat in that; or install"
            " balchat-host[testing] beside this one"
        )
        return _wrong("tests", f"they cannot run here: {missing[0]} is not installed", remedy)
    sources = _sources(subject.tests)
    used = [name for name in (*_KITS, *_ACCOUNTS) if name in sources]
    if not used:
        return _wrong("tests", "they use neither a kit nor an account in memory", "subclass the kit of its contract")
    # Verbose, it names each test before it runs it.
    options = ["--verbose", "--color=no", "-p", "no:cacheprovider"]
    # What its last lines say is read below, so nobody's own options may change that. On a narrow terminal pytest leaves
    # the reasons out.
    theirs = {name: value for name, value in environment.items() if name != "PYTEST_ADDOPTS"} | {"COLUMNS": "240"}
    command = [sys.executable, "-m", "pytest", *options, str(subject.tests)]
    ended, said = run_quietly(command, environment=theirs, limit=TESTS_LIMIT, folder=subject.source)
    lines = said.strip().splitlines() or ended.said.strip().splitlines() or ["they said nothing"]
    if ended.late:
        return _wrong(
            "tests", f"they did not end within {TESTS_LIMIT:g} s; at last: {lines[-1]}", "run that test alone"
        )
    if ended.code != 0:
        failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines
        return _wrong("tests", "\n".join(["some fail:", *failed[-_SHOWN:]]), f"python -m pytest {subject.tests}")
    if " passed" not in lines[-1]:
        return _wrong("tests", f"none of them passed: {lines[-1].strip('= ')}", f"python -m pytest {subject.tests}")
    return Check(name="tests", finding=f"{lines[-1].strip('= ')} (with {', '.join(used)})")


def _sources(tests: Path) -> str:
    """Return the texts of tests, up to a bound."""
    texts: list[str] = []
    for path in sorted(tests.rglob("*.py"))[:_MOST_SOURCES]:
        with suppress(FileNotFoundError, Unusable):
            texts.append(anybodys_text(path))
    return "\n".join(texts)


def _wrong(name: str, what: str, remedy: str) -> Check:
    return Check(name=name, finding="it is not as it should be", problem=Problem(what=what, remedy=remedy))
