"""For authors of plugins: distributions to begin with (`scaffold`), and verdicts on what they have made (`checking`).

Nothing of an account in use is touched: what is tried runs in processes and accounts of its own.
"""
