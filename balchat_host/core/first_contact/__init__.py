"""How two accounts come to share an era, whoever of them is away. The law is docs/spec/first-contact.md.

`machine` is the table of it; `asking` has our own requests; `answering` is how we answer those of others; `requests`
are those that wait for our owner.
"""
