#!/usr/bin/env bash
# Builds sfu/_plane.abi3.so where a Rust toolchain is. Without one the server still works, slower: said, not fatal.
# PLANE_REQUIRED=1: a build that fails is fatal.
set -u
if ! command -v cargo >/dev/null; then
  printf 'no cargo: calls will use the slower reference plane\n  how to get the fast one: install Rust (rustup.rs) and run make again\n'
  exit 0
fi
if cargo build --quiet --release --locked --features python --manifest-path sfu/native/Cargo.toml; then
  for name in lib_plane.so lib_plane.dylib; do
    # A new file, moved into place: a running server keeps the one it has mapped.
    [ -e "sfu/native/target/release/$name" ] && cp "sfu/native/target/release/$name" sfu/.plane.new && mv -f sfu/.plane.new sfu/_plane.abi3.so
  done
  exit 0
fi
printf 'the native plane could not be built: calls will use the slower reference plane\n' >&2
rm -f sfu/_plane.abi3.so
exit "${PLANE_REQUIRED:-0}"
