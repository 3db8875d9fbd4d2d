"""For tests, of balchat and of plugins: conformance kits, one for each contract, and in-memory stand-ins.

A kit is a class of tests. A plugin author subclasses it, gives the fixtures that it names, and gets the whole suite.
"""
