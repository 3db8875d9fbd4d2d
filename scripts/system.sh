#!/usr/bin/env bash
# What the set-up needs from the system: Python with venv, cargo, a C linker and tor; with the argument
# `tests` also dbus-daemon, tmux and two browsers, which only tests use.
# Root on a Debian system gets what is missing through apt-get, anybody else is told what to install. Rust is only
# ever asked for: Debian's is often too old.
set -euo pipefail

# Two rules of make may come here at a time; the second one finds what the first one has installed.
exec 9<scripts/system.sh
flock 9

python=${PYTHON:-python3}
missing=()

have() { command -v "$1" >/dev/null; }

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

if [[ ! -e .venv/.binding ]]; then
    needed=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' bindings/mls_rs_py/Cargo.toml)
    found=$(have cargo && have rustc && rustc --version | cut -d' ' -f2) || found=none
    printf '%s\n' "$needed" "${found/none/0}" | sort -V -C ||
        die "Rust $needed or newer with cargo is needed; found: $found." \
            "Install it with rustup (https://rustup.rs, or your system's rustup package) and try again."
fi

if ! have "$python"; then
    missing+=(python3 python3-venv)
elif [[ ! -e .venv/.created ]]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Python 3.11 or newer is needed, but $python is $("$python" -V 2>&1)." \
            "Install a newer one and name it: make PYTHON=/path/to/python3 setup"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
have cc || missing+=(gcc libc6-dev)
have tor || missing+=(tor)
if [[ ${1-} == tests ]]; then
    have dbus-daemon || missing+=(dbus-daemon)
    have tmux || missing+=(tmux)
    have chromium || missing+=(chromium)
    have firefox-esr || missing+=(firefox-esr)
    [[ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ]] || missing+=(fonts-noto-color-emoji)
fi

((${#missing[@]})) || exit 0
if ! have apt-get; then
    die "Missing on this system, by Debian's package names: ${missing[*]}" \
        "Install them with your system's package manager and try again."
elif ((EUID != 0)); then
    die "Missing on this system. Install it and try again:" "    sudo apt-get install ${missing[*]}"
fi

echo "→ installing ${missing[*]} with apt-get"
# Only the tor program is wanted: unless the system has a policy of its own, keep Debian's tor service from starting.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
