"""The settings of an account in memory: the real ones, over a file that is a text."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from anyio.lowlevel import checkpoint
from balchat_common import settings

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.configuration import Configuration, configured
from balchat_host.loader.levels import FILE_NAME, read_environment, read_file
from balchat_host.loader.profile_settings import ProfileSettings
from balchat_host.loader.setting_views import values_of

_FILE: Final = Path("/default") / FILE_NAME


class MemoryFile:
    """A configuration file in memory."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def change(self, edit: Callable[[str], str]) -> None:
        """Put in place what `edit` makes of the text."""
        self.text = edit(self.text)


def memory_settings(
    file: MemoryFile,
    plugins: Mapping[str, type[Any]],
    environment: Mapping[str, str],
    apply: Callable[[Configuration], None],
) -> ProfileSettings:
    """Return settings that stand in `file`, of the host and of `plugins`, whose classes are given by name."""

    def fit(configuration: Configuration) -> Mapping[str, object]:
        given = configuration.settings
        return {
            name: settings.read(declaring, {key: item.value for key, item in given.get(name, {}).items()})
            for name, declaring in plugins.items()
        }

    def look(text: str | None = None) -> tuple[Configuration, Sequence[ConfigurationError]]:
        levels = [read_file(_FILE, text=file.text if text is None else text), read_environment(environment)]
        return configured(levels, file=str(_FILE))

    configuration, _ = look()
    return ProfileSettings(
        file,
        look,
        fit,
        plugins,
        in_use=values_of(configuration, fit(configuration)),
        apply=apply,
        in_thread=_at_once,
    )


async def _at_once(work: Callable[[], Any]) -> Any:
    await checkpoint()
    return work()
