"""The settings of this plugin: the table `[settings.ui_rpc]`."""

from dataclasses import dataclass
from typing import Final

_MOST_CLIENTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """What can be set."""

    max_clients: int = 32
    """Programs that may be connected at the same time; 1 to 1,000."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_clients <= _MOST_CLIENTS:
            raise ValueError(f"max_clients: it is {self.max_clients}; 1 to {_MOST_CLIENTS}")
