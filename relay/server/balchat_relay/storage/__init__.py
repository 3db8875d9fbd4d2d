"""Where envelopes lie: the contract, its rules, and the stores that fulfil it."""
