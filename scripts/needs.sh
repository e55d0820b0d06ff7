# Sourced by the other scripts: what they need, installed where it is absent and can be.
# shellcheck shell=bash

# Installs a Debian package, or says what to do.
install_package() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        printf '# installing %s\n' "$1"
        apt-get -qq update >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1" >/dev/null
    else
        printf '%s is not installed: install it with the package manager of your system and run this script again\n' "$1" >&2
        exit 1
    fi
}

# The least version of Rust that builds hlx, as Cargo.toml says.
rust_version() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' "$1/Cargo.toml"
}

# Fails unless Rust is new enough; the argument is the folder of Cargo.toml.
need_rust() {
    local least found
    least=$(rust_version "$1")
    found=$(cd "$1" && rustc --version | cut -d ' ' -f 2)
    if [ "$(printf '%s\n' "$least" "${found%%-*}" | sort -V | head -n 1)" != "$least" ]; then
        printf 'hlx requires Rust %s or later, but Rust %s is installed: run rustup update\n' "$least" "$found" >&2
        exit 1
    fi
}

# zstd is C, so building needs a C compiler and its headers.
need_compiler() {
    # rustup puts cargo where a shell that was not started anew does not look.
    command -v cargo >/dev/null || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    if ! command -v cargo >/dev/null; then
        echo 'Rust 1.89 or later is not installed: install it with rustup and run this script again' >&2
        exit 1
    fi
    command -v "${CC:-cc}" >/dev/null || install_package build-essential
}

need_zstd() {
    command -v zstd >/dev/null || install_package zstd
}

need_b3sum() {
    command -v b3sum >/dev/null || install_package b3sum
}

need_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_package python3-venv
}

need_git() {
    command -v git >/dev/null || install_package git
}

need_cargo_deny() {
    command -v cargo-deny >/dev/null || cargo install --locked cargo-deny@0.20.2
}
