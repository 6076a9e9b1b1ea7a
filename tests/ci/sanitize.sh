#!/usr/bin/env bash
# The native plane under AddressSanitizer (all tests) and ThreadSanitizer (those with threads).
set -euo pipefail
command -v cargo >/dev/null || { echo "no cargo: nothing to check"; exit 0; }
TARGET=$(rustc -vV | sed -n 's/^host: //p')
# The stable compiler has the sanitizers; only their flags are called unstable.
export RUSTC_BOOTSTRAP=1
cd sfu/native
# tests/allocations.rs has its own malloc, as the sanitizer has.
echo "AddressSanitizer"
RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan cargo test --quiet --locked --target "$TARGET" --lib --test endurance
echo "ThreadSanitizer"
# std is not instrumented: what its own channels do looks like a race.
SUPPRESSIONS=$(mktemp)
trap 'rm -f "$SUPPRESSIONS"' EXIT
printf 'race:std::sync::mpmc\nrace:test::\nrace:core::profiling\n' >"$SUPPRESSIONS"
TSAN_OPTIONS="suppressions=$SUPPRESSIONS" RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
  CARGO_TARGET_DIR=target/tsan cargo test --quiet --locked --target "$TARGET" --lib -- io::
