"""Sizes and fixed names that front ends need to know."""

MAX_TEXT_SIZE = 32 * 1024
"""Octets of the longest text in one message, in UTF-8."""
MAX_FILES = 32
"""How many files a message has at most."""
MAX_INTRODUCTION_SIZE = 1024
"""Octets of the longest introduction in a contact request, in UTF-8."""
MAX_NAME_LENGTH = 64
"""Characters of the longest name of an account or a contact."""
NOTES_TO_SELF = "Notes to self"
"""The title of the conversation with ourselves. It is called by that, by `MYSELF`, or by our own chat code."""
MYSELF = "me"
