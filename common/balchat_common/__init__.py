"""What balchat's host, its plugins and its relay share. It knows none of them."""
