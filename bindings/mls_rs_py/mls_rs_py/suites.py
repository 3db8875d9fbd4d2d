"""The cipher suites that this package has (RFC 9420, section 17.1)."""

from enum import IntEnum


class CipherSuite(IntEnum):
    """A cipher suite, by its IANA name and number (RFC 9420, section 17.1)."""

    MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 = 1
    MLS_128_DHKEMP256_AES128GCM_SHA256_P256 = 2
    MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 = 3
    MLS_256_DHKEMP384_AES256GCM_SHA384_P384 = 7
