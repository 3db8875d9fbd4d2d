"""`python -m balchat_relay`, and what the installed program calls."""

import sys

from balchat_relay.program import main

if __name__ == "__main__":
    sys.exit(main())
