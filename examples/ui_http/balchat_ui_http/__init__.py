"""Serves an account over HTTP on this machine, to whoever has the token."""
