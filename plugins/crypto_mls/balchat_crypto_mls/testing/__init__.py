"""What tests and benchmarks use to play a peer who keeps no rules."""
