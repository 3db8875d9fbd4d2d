"""tor's answers become the state that the table in health.py gives."""

import pytest
from balchat_network_tor.health import QUESTIONS, Health, introduced

from balchat_host.api.types import ONLINE, Phase

WELL = {
    "status/bootstrap-phase": 'NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"',
    "status/circuit-established": "1",
    "status/enough-dir-info": "1",
    "network-liveness": "up",
    "orconn-status": "$ABCD~guard CONNECTED\n$EF01~other LAUNCHED",
    "circuit-status": "",
    "dormant": "0",
}
HINDERED = (
    'WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay" WARNING="No route to host" REASON=NOROUTE'
    ' COUNT=3 RECOMMENDATION=warn HOSTID="ABCD" HOSTADDR="192.0.2.1:9001"'
)


def test_all_questions_are_answered_here() -> None:
    assert set(QUESTIONS) == set(WELL)


def test_all_well_is_online() -> None:
    assert Health.read(WELL).state == ONLINE


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"status/bootstrap-phase": 'NOTICE BOOTSTRAP PROGRESS=45 TAG=x SUMMARY="Asking \\"them\\""'}, "starting 45 %"),
        ({"status/bootstrap-phase": HINDERED}, "starting 5 %: Connecting to a relay: No route to host"),
        ({"status/bootstrap-phase": ""}, "starting 0 %: Starting"),
        ({"status/enough-dir-info": "0"}, "degraded: too little directory information"),
        ({"orconn-status": "$EF01~other LAUNCHED"}, "degraded: no connection to the Tor network"),
        ({"network-liveness": "down"}, "degraded: no sign of life"),
        ({"status/circuit-established": "0"}, "degraded: no circuit"),
        ({"orconn-status": "", "dormant": "1"}, "online"),
    ],
)
def test_what_is_not_well_is_said(answer: dict[str, str], text: str) -> None:
    assert str(Health.read(WELL | answer).state).startswith(text)


def test_a_state_names_no_address() -> None:
    state = Health.read(WELL | {"status/bootstrap-phase": HINDERED}).state
    assert state.phase is Phase.STARTING
    assert "192.0.2.1" not in str(state)
    assert "ABCD" not in str(state)


def test_only_established_introduction_points_count() -> None:
    ours, other = "a" * 56, "b" * 56
    status = (
        f"5 BUILT $A~a PURPOSE=HS_SERVICE_INTRO HS_STATE=HSSI_ESTABLISHED REND_QUERY={ours} TIME_CREATED=x\n"
        f"6 BUILT $A~a PURPOSE=HS_SERVICE_INTRO HS_STATE=HSSI_CONNECTING REND_QUERY={other} TIME_CREATED=x\n"
        f"7 BUILT $A~a PURPOSE=HS_CLIENT_REND HS_STATE=HSCR_JOINED REND_QUERY={other} TIME_CREATED=x"
    )
    assert introduced(status) == {ours}
