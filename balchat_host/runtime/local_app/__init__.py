"""The `App` in the process that holds the vault: one module for each area, put together in `app`."""

from balchat_host.runtime.local_app.account import LocalAccount
from balchat_host.runtime.local_app.app import LocalApp
from balchat_host.runtime.local_app.running import Running

__all__ = ["LocalAccount", "LocalApp", "Running"]
