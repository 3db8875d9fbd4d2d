"""What became of envelopes: from the transports into the vault, and then to the delivery workers."""

from collections.abc import Sequence

from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.core.delivery import reports as core_reports
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class DeliveryReports:
    """Records what became of envelopes, all that has come in meanwhile in one unit; then tells the workers."""

    def __init__(self, runner: UnitOfWorkRunner, scheduler: DeliveryScheduler) -> None:
        self._runner = runner
        self._scheduler = scheduler
        self._waiting: list[tuple[SendReport, Latency]] = []
        self._came = Bell()

    def take(self, reports: Sequence[SendReport], latency: Latency) -> None:
        """Take reports of a transport's. What was lost leaves no trace in the vault, so it is passed on at once."""
        for report in reports:
            if report.outcome is Outcome.LOST:
                self._scheduler.tell(report, latency)
            else:
                self._waiting.append((report, latency))
        self._came.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            while not self._waiting:
                await self._came.wait()
            reports, self._waiting = self._waiting, []
            try:
                await self._write(reports)
            except BaseException as error:  # noqa: BLE001  # one report ends neither the others nor the account
                contain("recording what became of envelopes", error)
                for each in reports:
                    await self._write_alone(each)

    async def _write(self, reports: Sequence[tuple[SendReport, Latency]]) -> None:
        try:
            await self._runner.change(lambda unit: core_reports.apply_reports(unit, reports))
        except StorageFull:
            # The rows stand, so the envelopes will go out again; the other side drops what it has.
            reports = [(SendReport(ticket=r.ticket, outcome=Outcome.LOST), latency) for r, latency in reports]
        for report, latency in reports:
            if report.outcome is not Outcome.SENT:
                self._scheduler.tell(report, latency)

    async def _write_alone(self, report: tuple[SendReport, Latency]) -> None:
        try:
            await self._write([report])
        except BaseException as error:  # noqa: BLE001  # see above
            contain("recording what became of an envelope", error)
            self._scheduler.give_up(report[0].ticket, report[1])
