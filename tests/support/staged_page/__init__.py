"""The web page on an account that is played: for its pictures, and for tests of how each screen looks and reads."""

from tests.support.staged_page.page import NO_ANSWER, Refusal, Staged

__all__ = ["NO_ANSWER", "Refusal", "Staged"]
