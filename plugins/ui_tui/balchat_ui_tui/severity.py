"""How urgent a notice is."""

from enum import StrEnum


class Severity(StrEnum):
    """How urgent a notice is. The values are Textual's."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"
