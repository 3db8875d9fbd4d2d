"""Small screens over another one that ask something: yes or no, a line of text, or one of several choices."""
