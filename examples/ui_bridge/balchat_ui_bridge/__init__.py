"""The skeleton of a bridge: messages of chosen conversations go to rooms of another network, and back."""
