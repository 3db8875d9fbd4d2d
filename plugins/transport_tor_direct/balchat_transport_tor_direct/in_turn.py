"""Answers wait their turn: what the peer sent before an answer is committed before the host learns of the answer.

So an envelope is not reported delivered while the reply to it, which came just before, can still be lost.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from balchat_host.api.transport import Outcome, SendReport


class InTurn:
    """Reports that wait for envelopes; both are counted from the beginning of the link."""

    def __init__(self, report: Callable[[Sequence[SendReport]], None]) -> None:
        self._report = report
        self._waiting: deque[tuple[int, Sequence[SendReport]]] = deque()
        self._committed = 0

    def answered(self, reports: Sequence[SendReport], *, arrived: int) -> None:
        """Take the answers that came behind the first `arrived` envelopes."""
        if reports:
            self._waiting.append((arrived, reports))
            self._release()

    def committed(self, count: int) -> None:
        """So many more envelopes are committed, in the order in which they arrived."""
        self._committed += count
        self._release()

    def end(self) -> None:
        """Nothing more will be committed: what still waits is lost, and will be asked for again."""
        for _, reports in self._waiting:
            self._report([_lost(report) for report in reports])
        self._waiting.clear()

    def _release(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._committed:
            self._report(self._waiting.popleft()[1])


def _lost(report: SendReport) -> SendReport:
    if report.outcome is Outcome.SENT:
        return report
    return replace(report, outcome=Outcome.LOST, reason=None, retry_after=None)
