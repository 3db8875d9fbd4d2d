"""Counts and sizes for the operator, in Prometheus' text format. Nothing in it names or tells apart queues."""

from collections import Counter
from typing import Final

from balchat_relay.storage.contract import Totals

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What happened since the relay started. Used from the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """By operation and outcome: `ok`, or the refusal's code."""
        self.pushed = 0
        self.connections = 0
        self.subscribers = 0
        self.subscriptions = 0
        self.turned_away = 0
        self.slow = 0

    def text(self, totals: Totals, *, draining: bool, takes_nothing: bool) -> str:
        """Write them all."""
        lines = [
            "# TYPE balchat_relay_requests_total counter",
            *(
                f'balchat_relay_requests_total{{operation="{operation}",outcome="{outcome}"}} {count}'
                for (operation, outcome), count in sorted(self.requests.items())
            ),
        ]
        for name, kind, value in (
            ("pushed_envelopes_total", "counter", self.pushed),
            ("turned_away_connections_total", "counter", self.turned_away),
            ("slow_connections_ended_total", "counter", self.slow),
            ("connections", "gauge", self.connections),
            ("subscribers", "gauge", self.subscribers),
            ("subscriptions", "gauge", self.subscriptions),
            ("queues", "gauge", totals.queues),
            ("envelopes", "gauge", totals.envelopes),
            ("stored_octets", "gauge", totals.octets),
            ("cards", "gauge", totals.cards),
            ("blobs", "gauge", totals.blobs),
            ("blob_octets", "gauge", totals.blob_octets),
            ("draining", "gauge", int(draining)),
            ("storage_takes_nothing", "gauge", int(takes_nothing)),
        ):
            lines += [f"# TYPE balchat_relay_{name} {kind}", f"balchat_relay_{name} {value}"]
        return "\n".join(lines) + "\n"
