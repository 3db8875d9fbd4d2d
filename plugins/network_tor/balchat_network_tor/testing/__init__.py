"""A private Tor network on loopback, for tests, demonstrations and measurements.

`PrivateTorNetwork` starts one; its `torrc_lines()` make a tor join it: hand them to the plugin as the setting `torrc`.
`balchat_network_tor.testing.fixtures` gives it to pytest, once for a whole run.
"""

from balchat_network_tor.testing.door import Door, NetworkBehindDoor
from balchat_network_tor.testing.private_network import PrivateNetworkFailed, PrivateTorNetwork, ProgressCallback

__all__ = ["Door", "NetworkBehindDoor", "PrivateNetworkFailed", "PrivateTorNetwork", "ProgressCallback"]
