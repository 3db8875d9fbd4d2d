"""What leaves for others: queued, encrypted, reported on, and forgotten when they have it.

One payload, one ciphertext, whoever it goes to; one delivery for each device; one receipt for each person.
"""
