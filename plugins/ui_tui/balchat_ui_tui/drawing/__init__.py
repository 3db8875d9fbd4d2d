"""What is drawn: pieces of text with an ink, rows that fit a width, and strips for the terminal. It knows no state."""
