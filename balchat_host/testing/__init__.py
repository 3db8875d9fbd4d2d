"""For tests, of balchat and of plugins: conformance kits, one for each contract, and in-memory stand-ins.

A kit is a class of tests. A plugin author subclasses it, gives the fixtures that it names, and gets the whole suite.
"""

import sys

_KITS = ("app_kit", "crypto_kit", "file_storage_kit", "front_end_kit", "network_kit", "storage_kit", "transport_kit")

# Where pytest runs, an assertion that fails in a kit shows what was compared, as one in a test file does. Programs that
# use the stand-ins need no pytest.
if (pytest := sys.modules.get("pytest")) is not None:
    pytest.register_assert_rewrite(*(f"{__name__}.{kit}" for kit in _KITS))
