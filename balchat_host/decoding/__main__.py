"""One request: `python -I -m balchat_host.decoding JOB [NUMBER …]`.

The octets come on the standard input, to its end. The answer is one line of JSON, `{"lengths": […], …}`, and then so
many octets of each of its results; or `{"refused": PROBLEM}` where they cannot be read, and `{"missing": true}` where
the libraries are not installed. An end without an answer is one like "refused".
"""

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from balchat_host.decoding.answer import Answer, Refused
from balchat_host.decoding.confinement import OTHERS_PROCESSOR_TIME, PROCESSOR_TIME, confine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PIECE: Final = 2**20
_MODULES: Final = {
    "clean": "pictures",
    "preview": "pictures",
    "preview_again": "pictures",
    "reencode": "pictures",
    "read_qr": "pictures",
    "encode_voice": "voice",
    "decode_voice": "voice",
}
_OF_OTHERS: Final = frozenset({"preview_again", "reencode", "decode_voice"})
"""Jobs that are done for what others have sent."""


def main(job: str, *numbers: str) -> None:
    """Answer one request."""
    try:
        module = import_module(f"balchat_host.decoding.{_MODULES[job]}")
    except ImportError:
        _write(json.dumps({"missing": True}).encode() + b"\n")
        return
    function: Callable[..., Answer] = getattr(module, job)
    # Whatever a library loads when it is first used is loaded now.
    module.warm_up()
    confine(processor_time=OTHERS_PROCESSOR_TIME if job in _OF_OTHERS else PROCESSOR_TIME)
    try:
        answer = function(_read(), *map(int, numbers))
    except Refused as refused:
        said: dict[str, Any] = {"refused": refused.problem}
        results: Sequence[bytes] = ()
    except MemoryError:
        said, results = {"refused": "it needs too much memory"}, ()
    except Exception:  # noqa: BLE001  # whatever a decoder raises: what was given to it is at fault
        said, results = {"refused": "it is broken"}, ()
    else:
        said, results = {**answer.said}, answer.results
    _write(json.dumps({**said, "lengths": [len(each) for each in results]}).encode() + b"\n")
    for each in results:
        _write(each)


def _read() -> bytes:
    pieces: list[bytes] = []
    while piece := os.read(0, _PIECE):
        pieces.append(piece)
    return b"".join(pieces)


def _write(octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
