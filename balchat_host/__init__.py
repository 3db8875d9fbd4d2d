"""The balchat host: contracts, core, runtime and loader; everything else is a plugin."""
