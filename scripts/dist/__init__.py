"""Make every distribution as it is released: `make dist`, which the release workflow calls.

    copy the sources → sdists → of these alone the wheels → bill of materials → checksums

`make dist` does it twice, in two folders, with two umasks and empty target folders. Every file has to come out the
same, bit for bit; then the files are checked and tried, as others will use them. `make wheelhouse` does it once.

The programs come from scripts/dist.lock, in build/tools, whose Python runs all this.
"""
