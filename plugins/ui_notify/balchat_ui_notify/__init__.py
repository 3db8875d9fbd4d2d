"""Desktop notifications of what happens in balchat."""
