"""A package, so that every folder of tests, the demo and the figures can import `tests.support`."""
