"""Voice messages: recorded, listened to, sent, and played."""
