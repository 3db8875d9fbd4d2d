"""What is shown while the account does not run: make one, start it, restore a backup, or take another profile."""
