"""The Tor network for balchat: a tor process of its own (or a running one), streams dialled and onions published."""
