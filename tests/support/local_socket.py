"""The local socket of a running account as an author of scripts has it (docs/rpc.md): JSON-RPC 2.0, one value a line.

It blocks, and one thread uses it. A process that ends under a call shows as `ConnectionError`.
"""

import json
import socket
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_PATIENCE: Final = 90.0


class CallRefused(Exception):
    """The account answered with an error; `code` is balchat's own."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.code: str = error.get("data", {}).get("code", "")
        super().__init__(error["message"])


class LocalSocket:
    """One connection, as a context manager."""

    def __init__(self, path: Path) -> None:
        """Connect. Raise OSError where nothing runs."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._calls = 0
        try:
            self._socket.connect(str(path))
        except BaseException:
            self._socket.close()
            raise
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def be_patient(self, seconds: float) -> None:
        """Wait so long for each line from now on; then raise TimeoutError."""
        self._socket.settimeout(seconds)

    def call(self, method: str, **parameters: Any) -> Any:
        """Call and wait for the answer. Raise CallRefused, ConnectionError."""
        number = self._say(method, parameters)
        while (heard := self._hear()).get("id") != number:
            pass
        if "error" in heard:
            raise CallRefused(heard["error"])
        return heard["result"]

    def octets(self, method: str, **parameters: Any) -> bytes:
        """Call what gives octets; return all of them. Raise CallRefused, ConnectionError."""
        number = self._say(method, parameters)
        found = b""
        while (heard := self._hear()).get("id") != number:
            found += self._lines.read(heard.get("octets", 0))
        if "error" in heard:
            raise CallRefused(heard["error"])
        return found

    def events(self, after: int) -> Generator[dict[str, Any]]:
        """Return the events after a cursor, for ever; this connection serves nothing else then. Raise as `call`."""
        self._say("events.follow", {"after": after})
        while "error" not in (heard := self._hear()):
            yield heard["params"]["value"]
        raise CallRefused(heard["error"])

    def _say(self, method: str, parameters: dict[str, Any]) -> int:
        self._calls += 1
        request = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": parameters}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._calls

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the account's process has ended")
        return json.loads(line)
