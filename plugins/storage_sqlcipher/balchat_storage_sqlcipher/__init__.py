"""The balchat vault: SQLCipher, key slots, one writer with group commit."""
