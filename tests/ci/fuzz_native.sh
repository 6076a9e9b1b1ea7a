#!/usr/bin/env bash
# Fuzzes the native plane with libFuzzer under AddressSanitizer: SECONDS_EACH per target, corpus kept between runs.
set -euo pipefail
SECONDS_EACH=${1:-60}
FUZZ=sfu/native/fuzz
CORPUS=${CORPUS:-$FUZZ/corpus}
if ! command -v cargo >/dev/null || ! command -v g++ >/dev/null; then
  echo "no cargo or no g++: the native plane is not fuzzed"
  exit 0
fi
TARGET=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer's flags are unstable names for what the stable compiler has in it: no second toolchain for three flags.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address"
cargo build --quiet --release --locked --target "$TARGET" --manifest-path "$FUZZ/Cargo.toml"
for name in parsers srtp engine; do
  mkdir -p "$CORPUS/$name"
  log=$(mktemp)
  if ! "$FUZZ/target/$TARGET/release/$name" -max_total_time="$SECONDS_EACH" -max_len=4096 -artifact_prefix="$CORPUS/" \
    "$CORPUS/$name" >"$log" 2>&1; then
    tail -60 "$log"
    exit 1
  fi
  printf '%-8s %s, AddressSanitizer, nothing found\n' "$name" "$(grep '^Done' "$log")"
  rm -f "$log"
done
