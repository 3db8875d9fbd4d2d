"""`balchat chat`: a conversation at the terminal. The model knows no terminal, the screen no account."""
