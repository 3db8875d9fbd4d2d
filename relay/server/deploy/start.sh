#!/bin/sh
# Make the relay when the volume is new, then run it as process 1.
set -eu
[ -e "$BALCHAT_RELAY_FOLDER/onion.key" ] || balchat-relay init
exec balchat-relay run
