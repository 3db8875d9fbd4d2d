"""What the server refuses, besides what an account does. The class docstring is what a person reads."""

from balchat_host.api.errors import CallerError


class LinkInvalid(CallerError):
    """This link was used already, is older than a minute, or is not right. `balchat web` gives another one."""

    code = "link-invalid"


class SignedOut(CallerError):
    """This window is not signed in any more. `balchat web` opens another one."""

    code = "signed-out"


class ScreenLocked(CallerError):
    """The screen is locked. The passphrase opens it again."""

    code = "screen-locked"


class Wait(CallerError):
    """There were too many wrong tries. The next one can be made in {seconds} s."""

    code = "wait"


class TerminalOnly(CallerError):
    """Here, passphrases are typed in a terminal only: `settings.ui_web.unlock` says so. `balchat web` asks for it."""

    code = "terminal-only"


class NotForPages(CallerError):
    """This request is refused: {problem}. Use the window that `balchat web` opens."""

    code = "refused"


class TooLarge(CallerError):
    """This has more than {limit} octets, which is the limit."""

    code = "too-large"


class TooSlow(CallerError):
    """What was to be sent did not come within {seconds} s."""

    code = "too-slow"
