"""How a process that tries a plugin tells what it has found: a line of JSON for each finding, on its standard output.

What the plugin prints goes to standard error.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any

from balchat_host.api.types import Check, Problem


class Teller:
    """Tells findings. There is one in a process."""

    def __init__(self) -> None:
        # It is aborted where it takes too long, and should leave no core.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def well(self, name: str, finding: str) -> None:
        """Tell that something is as it should be."""
        self._tell(Check(name=name, finding=finding))

    def left_out(self, name: str, why: str) -> None:
        """Tell what was not tried."""
        self._tell(Check(name=name, finding=f"not tried: {why}", tried=False))

    def wrong(self, name: str, what: str, remedy: str) -> None:
        """Tell what is wrong, and what to do."""
        self._tell(Check(name=name, finding="it is not as it should be", problem=Problem(what=what, remedy=remedy)))

    def done(self) -> None:
        """Tell that all has been looked at: a process that only ended has not said that anything is well."""
        self._out.write("null\n")
        self._out.flush()

    def _tell(self, check: Check) -> None:
        self._out.write(json.dumps(asdict(check)) + "\n")
        self._out.flush()


def told(line: bytes) -> Check | None:
    """Read a line that a teller wrote; None says that it was done. Raise ValueError."""
    try:
        said: dict[str, Any] | None = json.loads(line)
        if said is None:
            return None
        problem = said.pop("problem")
        return Check(**said, problem=problem and Problem(**problem))
    except (TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError from error
