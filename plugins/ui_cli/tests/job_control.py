"""A shell that can do nothing but job control: runs one command, and `fg` goes on with it after it was stopped.

As a real one does, it has the terminal to itself, and in its own modes, while the command is stopped. It says `running`
with the process's id, `stopped`, and `ended` with the exit code.
"""

import os
import signal
import sys
import termios


def main() -> None:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    modes = termios.tcgetattr(0)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        say(f"running {os.getpid()}.")
        os.execv(sys.argv[1], sys.argv[1:])
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            say(f"ended {os.waitstatus_to_exitcode(status)}, echo {echoes()}.")
            return
        say(f"stopped, echo {echoes()}.")
        termios.tcsetattr(0, termios.TCSADRAIN, modes)
        while not os.read(0, 4096).endswith(b"fg\n"):
            pass
        os.tcsetpgrp(0, child)
        os.killpg(child, signal.SIGCONT)


def echoes() -> bool:
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


if __name__ == "__main__":
    main()
