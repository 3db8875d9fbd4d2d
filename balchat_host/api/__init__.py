"""The only room of the host that a plugin may import; semantic versioning applies to it.

`API_VERSION` is the version of these contracts, apart from the package's. A plugin's descriptors name the
version they were written for; the host refuses the ones it does not know, by name.
"""

from typing import Final

API_VERSION: Final = 1
"""The version of the contracts in this room. Raised when a plugin written for the old one would break."""

ENTRY_POINT_GROUP: Final = "balchat.plugins.v1"
"""The entry-point group in which a distribution announces its plugin module."""

PROGRAM_GROUP: Final = "balchat.programs.v1"
"""The group in which it announces, by a front end's name, that this has a program: so that help lists what is not
imported."""
