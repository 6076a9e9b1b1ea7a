#!/usr/bin/env bash
# What must be there before anything of ours can be installed. One clear line for each thing that is not.
set -u
python=${PYTHON:-python3}
missing=0
lack() { printf 'missing: %s\n  how: %s\n' "$1" "$2" >&2; missing=1; }

if ! command -v "$python" >/dev/null; then
  lack "Python 3.11 or newer" "apt-get install python3 python3-venv, or make PYTHON=/path/to/python3"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  lack "Python 3.11 or newer (found $("$python" --version 2>&1))" "make PYTHON=/path/to/python3.11"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  lack "Python's venv module" "apt-get install python3-venv"
fi

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  lack "Node.js 20.19 or newer with npm, to build the web client" "see nodejs.org, or your system's packages"
elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  lack "Node.js 20.19 or newer (found $(node --version))" "see nodejs.org, or your system's packages"
fi
exit $missing
