"""Files: what is about to be sent, what comes and goes, pictures, and taking a file out."""
