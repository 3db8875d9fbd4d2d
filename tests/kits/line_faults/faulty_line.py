"""The small transport, for faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from tests.kits.line_transport import LineTransport, Link

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from balchat_host.api.types import DeviceIdentity

ARRIVES: Final = "test_an_envelope_arrives_as_it_was"


class Faulty(LineTransport):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    """Whether the audit catches it, which needs real time, and threads."""
    link: ClassVar[type[Link]] = Link
    ended: ClassVar[list[object]] = []
    """What the audit's faults leave behind, for the test to end."""

    def make_link(self, device: DeviceIdentity, stream: ByteStream) -> Link:
        return self.link(self, device, stream)


class FaultyForTheAudit(Faulty):
    """No fault."""

    caught_by = ARRIVES
    audited = True
