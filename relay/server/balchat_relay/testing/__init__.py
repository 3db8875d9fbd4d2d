"""For tests of stores, also of those that others write."""
