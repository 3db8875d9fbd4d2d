"""A network without Tor, for trials: reaches the accounts of one user on one machine."""
