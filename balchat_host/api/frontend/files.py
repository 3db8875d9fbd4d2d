"""The area of files."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Final

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ConversationView, FileView

MAX_OCTETS: Final = 256 * 1024
"""Octets of the largest piece of a file that is written at once; what is read comes in pieces of at most that size."""


class Files(Area):
    """The files that messages have: any size, sealed as long as they are here.

    A file is called by its id, or by the beginning of one, of 6 digits or more, that is unique.
    """

    @abstractmethod
    async def attach(self, name: str, size: int, content_type: str | None = None, *, as_is: bool = False) -> FileView:
        """Begin a file of ours of `size` octets, to be written and then sent (`Messages.send`). Not safe to repeat.

        It is sealed while it is written, so the disk must have room for as much again. A front end that does not write
        for a minute may lose it, and one that is in no message a day later is deleted. Without `content_type` that
        follows from the name. An empty file is complete at once.

        A picture (JPEG, PNG, WebP, by what it begins with) loses its metadata when all of it is written, unless
        `as_is`, and gets a preview; its size is another then. `write` raises PicturesMissing and PictureUnreadable
        where that cannot be done: it is not sent as it is unless somebody says so.

        Raise BadInput, NoRoom, StorageFull, TooMany.
        """

    @abstractmethod
    async def attach_voice(self, size: int, rate: int = 48_000) -> FileView:
        """Begin a voice message of `size` octets of sound, to be written and then sent as any file. Not safe to repeat.

        Sound is written as PCM: one channel, 16 bits, little-endian, at a rate of 8, 12, 16, 24 or 48 kHz, of at most
        5 minutes. It becomes Ogg Opus when all of it is written, and has another size then.

        Raise BadInput, NoRoom, StorageFull, TooMany, VoiceMissing.
        """

    @abstractmethod
    async def write(self, file: str, offset: int, octets: bytes) -> int:
        """Write at most MAX_OCTETS of a file from an offset on; return how many octets of it are written.

        Octets come in their order; those that are written already are passed over. With the last one the file is
        complete. Whose source has changed meanwhile removes it. Raise NoSuchFile, StorageFull, and BadInput where it
        has more octets than were said.
        """

    @abstractmethod
    def read(self, file: str, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        """Yield `size` octets of a complete file from an offset on, or all that follow, in pieces.

        It is opened from its beginning on, so a late offset takes longer. What ends without an error is all of it.
        Raise NoSuchFile, StorageFailed, FileUnreadable, and BadInput where not all of it is here.
        """

    @abstractmethod
    def preview(self, file: str) -> AsyncIterator[bytes]:
        """Yield the preview of a file, a WebP picture of at most 8 KiB: safe to show, since it is made again here.

        Raise NoSuchFile, NoPreview, PicturesMissing, PictureUnreadable.
        """

    @abstractmethod
    def picture(self, file: str, longest_side: int = 2048) -> AsyncIterator[bytes]:
        """Yield a picture that is all here as WebP, no side longer than so many pixels (16 to 4,096), made again here.

        Raise NoSuchFile, BadInput, PicturesMissing, PictureUnreadable, StorageFailed, FileUnreadable.
        """

    @abstractmethod
    def play(self, file: str) -> AsyncIterator[bytes]:
        """Yield a voice message that is all here as a WAV file: PCM of 16 bits, one channel.

        Its rate is the one that it was recorded with, 8 to 48 kHz; the header says which.

        Raise NoSuchFile, BadInput, VoiceMissing, VoiceUnreadable, StorageFailed, FileUnreadable.
        """

    @abstractmethod
    async def get(self, file: str) -> FileView:
        """Return one file as it is now. Raise NoSuchFile."""

    @abstractmethod
    async def list(self, conversation: str | None = None, limit: int = 50) -> Sequence[FileView]:
        """Return the newest `limit` (1 to 1,000) files of a conversation or of all, the newest first.

        Raise NoSuchConversation, BadInput.
        """

    @abstractmethod
    async def fetch(self, file: str) -> FileView:
        """Have a file of somebody else's come, or go on that was paused; it does so whenever they are there.

        Raise NoSuchFile, ContactBlocked, NoRoom, and BadInput where it is ours.
        """

    @abstractmethod
    async def pause(self, file: str) -> FileView:
        """Stop a file from coming, and keep what is here of it.

        Raise NoSuchFile, and BadInput where it does not come.
        """

    @abstractmethod
    async def remove(self, file: str) -> FileView | None:
        """Delete what is here of a file: return it as it is then, None where it was in no message.

        Somebody else's may be fetched again while they have it; ours nobody can fetch any more. Messages stay.
        Raise NoSuchFile.
        """

    @abstractmethod
    async def set_automatic(self, conversation: str, up_to: int | None) -> ConversationView:
        """Have files of others in a conversation come by themselves up to a size in octets; 0 is for none.

        None is as the configuration says: pictures, up to `files.fetch_pictures_kib`.
        Raise NoSuchConversation, BadInput.
        """
