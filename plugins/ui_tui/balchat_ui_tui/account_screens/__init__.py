"""The account itself: network and relays, settings, secrets and backup, profiles, and the locked screen."""
