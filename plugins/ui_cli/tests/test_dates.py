"""Days as people type them."""

from datetime import datetime

import pytest
from balchat_ui_cli.dates import parse_date

from balchat_host.api.errors import BadInput

NOW = datetime(2026, 11, 27, 12, 3).astimezone()  # of this machine, wherever it is


@pytest.mark.parametrize(
    ("typed", "local"),
    [
        ("2026-11-27", (2026, 11, 27)),
        ("today", (2026, 11, 27)),
        ("Yesterday", (2026, 11, 26)),
        ("tomorrow", (2026, 11, 28)),
        ("3d", (2026, 11, 24)),
        ("27d", (2026, 10, 31)),
        ("2026-11-27T08:30", (2026, 11, 27, 8, 30)),
        (" 2026-11-27 ", (2026, 11, 27)),
    ],
)
def test_a_day_begins_at_local_midnight(typed: str, local: tuple[int, ...]) -> None:
    assert parse_date(typed, now=NOW) == datetime(*local).astimezone().timestamp() * 1000  # as above


@pytest.mark.parametrize("typed", ["", "soon", "2026-13-01", "-1d", "2026", "0000-00-00"])
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        parse_date(typed, now=NOW)
