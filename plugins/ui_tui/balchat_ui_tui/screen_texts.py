"""The texts of the screen. What an error or a reason says may come from others.

`Texts` makes it harmless but for a letter under thousands of marks, which terminals draw over other rows.
"""

from balchat_texts import Texts

from balchat_host.api.text import visible, visible_lines


class ScreenTexts(Texts):
    """Everything that the screen says, in one language."""

    def error(self, error: Exception) -> str:
        """Return what an error says, with few marks on a letter."""
        return "\n".join(visible_lines(super().error(error)))

    def known(self, prefix: str, name: str) -> str:
        """Return the text `prefix.name`, or the name itself where it is not known here, with few marks on a letter."""
        return visible(super().known(prefix, name))
