"""A process that imports one store for a relay and looks at its descriptor, as the relay does that opens it.

python -m balchat_host.authoring.relay_store_inspection NAME
"""

import sys
import traceback
from pathlib import Path

from balchat_common.setting_forms import BadDeclaration
from balchat_common.settings import settings_of

from balchat_host.authoring.telling import Teller


def main() -> int:
    """Look at the store that the command line names; return whether something is wrong."""
    tell, name = Teller(), sys.argv[1]
    try:
        # Whoever writes a store has the relay; others who use balchat have not.
        from balchat_relay.errors import OperatorError  # noqa: PLC0415  # see above
        from balchat_relay.operating.stores import find_store  # noqa: PLC0415  # see above
    except ImportError:
        tell.wrong(name, "balchat-relay, which opens it, is not installed here", "install it beside balchat")
        return 1
    try:
        descriptor = find_store(name, Path("relay.toml"))
        declared = settings_of(descriptor.settings)
    except OperatorError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        tell.wrong(name, str(error), "mend what its entry point names: a StoreDescriptor (docs/plugin-author)")
        return 1
    except BadDeclaration as error:
        tell.wrong(name, str(error), "mend the class that the descriptor names as `settings`")
        return 1
    tell.well(name, f"relay store: {descriptor.summary}; for version {descriptor.api_version} of the contract")
    tell.well(f"settings of {name}", f"{len(declared)} in the table [store] of relay.toml")
    tell.done()
    return 0


if __name__ == "__main__":
    sys.exit(main())
