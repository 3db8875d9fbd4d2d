"""What became of the descriptors of one onion, as tor tells it (control-spec, HS_DESC).

A service has two descriptors, for two time periods, each with directories of its own. A client looks for one of them,
by what it knows of the time (rend-spec-v3, section 2.2.4). So an onion can be found once both are at a directory.
"""


class Descriptors:
    """The descriptors of one onion, from the moment tor is told of it until it can be found."""

    def __init__(self) -> None:
        self._made: set[str] = set()
        self._taken: set[str] = set()
        self._under_way: dict[str, list[str]] = {}
        """By directory, which ones it has not answered. Its answer names none of them: it answers in order."""

    @property
    def some_taken(self) -> bool:
        """Whether a directory has one of them."""
        return bool(self._taken)

    @property
    def all_taken(self) -> bool:
        """Whether each of them is at a directory."""
        return self.some_taken and self._made <= self._taken

    def made(self, descriptor: str) -> None:
        """Note that tor made one."""
        self._made.add(descriptor)

    def sent(self, descriptor: str, directory: str) -> None:
        """Note that it is on its way to a directory."""
        self._made.add(descriptor)
        under_way = self._under_way.setdefault(directory, [])
        if descriptor not in under_way:
            under_way.append(descriptor)

    def answered(self, directory: str, *, accepted: bool) -> None:
        """Note that a directory took one, or did not."""
        if under_way := self._under_way.get(directory):
            descriptor = under_way.pop(0)
            if accepted:
                self._taken.add(descriptor)
