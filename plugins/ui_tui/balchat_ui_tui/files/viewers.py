"""What shows or plays a file."""

from balchat_host.api.views import FileState, FileView
from balchat_ui_tui.effects import OpenScreen


def viewer_of(file: FileView) -> OpenScreen | None:
    """Return what shows or plays a file, None where nothing does. Of what is not all here, a preview can be seen."""
    if file.state is not FileState.COMPLETE:
        preview = {"file": file.id, "name": file.name, "preview": True}
        return OpenScreen("files.picture", preview) if file.preview else None
    if file.voice is not None:
        return OpenScreen("voice.play", {"file": file})
    if file.content_type.startswith("image/"):
        return OpenScreen("files.picture", {"file": file.id, "name": file.name})
    return None
