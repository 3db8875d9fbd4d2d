"""What the areas of a local App have in common."""

from collections.abc import Collection


class LocalArea:
    """One area of an App in the process that holds the vault."""

    def missing(self) -> Collection[str]:
        """Return the names of its methods that are not offered now; without an override, all are offered."""
        return ()
