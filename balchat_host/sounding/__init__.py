"""A process that records from this machine's microphone, or plays on its loudspeaker (`balchat_host.api.sound`)."""
