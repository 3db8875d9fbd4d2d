"""Plays the acts; exits with 0 only if all of it happened."""

import sys
from subprocess import TimeoutExpired

from balchat_network_tor.testing import PrivateNetworkFailed
from balchat_relay.testing.program import ProgramFailed

from demo import first_act, second_act, third_act
from demo.house import open_house
from demo.stage import Stage
from demo.telling import ActFailed
from tests.support.local_socket import CallRefused
from tests.support.people import CommandFailed

ACTS = (first_act.play, second_act.play, third_act.play)
_FAILED = (
    ActFailed,
    CommandFailed,
    CallRefused,
    PrivateNetworkFailed,
    ProgramFailed,
    EOFError,
    OSError,
    TimeoutExpired,
)
_INTERRUPTED = 130


def main() -> int:
    """Play; give the exit code."""
    stage = Stage(sys.stdout)
    stage.title("balchat: two people, a relay, and a private Tor network on this machine")
    try:
        with open_house(stage) as house:
            for act in ACTS:
                act(stage, house)
            stage.step("Everything is put away")
    except KeyboardInterrupt:
        stage.bad("interrupted; nothing is left running")
        return _INTERRUPTED
    except _FAILED as error:
        stage.bad(str(error) or type(error).__name__)
        return 1
    stage.good(
        f"all of it happened, in {stage.elapsed:.0f} s; nothing is left running, and nothing behind but the pictures"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
