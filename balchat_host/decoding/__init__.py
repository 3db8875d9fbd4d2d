"""Reads pictures and sound, in a process of its own that can do nothing else: `python -I -m balchat_host.decoding`.

Decoders are large, written in C, and read what strangers made. So each request has a process of its own, which gets the
octets through a pipe, gives its answer through another, and ends. Before it reads anything it gives up whatever it does
not need (`confinement`): it opens no file and no socket, starts no program, and has little memory and time. Nothing of
a picture or a sound lies on the disk on the way.

`balchat_host.api.decoder` starts it. Other code imports only `answer` and `limits`, which need no library; tests import
any of it.
"""
