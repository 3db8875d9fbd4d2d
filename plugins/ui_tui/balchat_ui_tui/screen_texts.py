"""The texts of the screen. What an error or a reason says may come from others; here it becomes harmless."""

from balchat_texts import Texts

from balchat_host.api.text import visible, visible_lines


class ScreenTexts(Texts):
    """Everything that the screen says, in one language."""

    def error(self, error: Exception) -> str:
        """Return what an error says, harmless."""
        return "\n".join(visible_lines(super().error(error)))

    def known(self, prefix: str, name: str) -> str:
        """Return the text `prefix.name`, or the name itself, harmless, where it is not known here."""
        return visible(super().known(prefix, name))
