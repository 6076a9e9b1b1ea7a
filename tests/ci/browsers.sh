#!/usr/bin/env bash
# Chromium, Firefox, ffmpeg (test pictures), ip (namespaces), coturn and promtool, for the tests only. Installed by apt where we may.
set -u
need=()
command -v chromium >/dev/null || need+=(chromium fonts-dejavu-core)
command -v firefox-esr >/dev/null || need+=(firefox-esr)
command -v ip >/dev/null || need+=(iproute2)
command -v turnserver >/dev/null || need+=(coturn)
command -v ffmpeg >/dev/null || need+=(ffmpeg)
command -v promtool >/dev/null || need+=(prometheus)
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  printf 'missing for the tests: %s\n  how: install these packages (Debian: sudo apt-get install %s)\n' "${need[*]}" "${need[*]}" >&2
  exit 1
fi
printf 'installing %s\n' "${need[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq -o DPkg::Lock::Timeout=400 >/dev/null || exit 1
apt-get install -y -qq -o DPkg::Lock::Timeout=400 --no-install-recommends "${need[@]}" >/dev/null || exit 1
