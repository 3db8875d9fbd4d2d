"""What balchat's front ends say, in each language."""
