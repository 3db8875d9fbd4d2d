"""Whose fault it is.

Ours: `LocalMisuse`. The peer's: `ProtocolViolation`, with the clause of the specification. Nobody's: `NoCommonVersion`.
"""

from balchat_host.api.errors import ProtocolViolation


class LocalMisuse(RuntimeError):
    """The program around a machine used it in a way that its state forbids: a bug on this side."""


class NoCommonVersion(Exception):
    """The other side speaks no version of the direct transport that is known here (H5)."""


def violation(clause: str, problem: str) -> ProtocolViolation:
    """The peer broke `clause` of docs/spec/direct-transport.md."""
    return ProtocolViolation(problem=f"{problem} ({clause})", clause=clause)
