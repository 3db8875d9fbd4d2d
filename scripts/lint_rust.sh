#!/usr/bin/env bash
# rustfmt and clippy over the binding. They are components of their own that a Rust without rustup may lack:
# then a person's run says so and goes on, but CI fails.
set -euo pipefail

cd bindings/mls_rs_py

lint() { # component, Debian's package for it, command …
    local component=$1 package=$2
    shift 2
    if cargo "$component" --version >/dev/null 2>&1; then
        "$@"
        return
    fi
    echo "!! cargo $component is not installed: the Rust code was NOT checked by it." >&2
    echo "   Install it: rustup component add ${package#rust-}   or   apt-get install $package" >&2
    [[ -z ${CI:-} ]]
}

lint fmt rustfmt cargo fmt --check
lint clippy rust-clippy cargo clippy --quiet --locked --all-targets -- -D warnings
