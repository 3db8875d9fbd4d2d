"""Full-text search of the messages: which words a text has, the index inside the vault, and what people ask of it."""
