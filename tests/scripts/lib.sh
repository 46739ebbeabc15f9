# For the tests of the scripts: rows of `check NAME COMMAND…`, and `finish`, which says how many held, in cargo's words.
# shellcheck shell=bash
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 ignored=0

check() {
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    passed=$((passed + 1))
    echo "test $name ... ok"
  else
    failed=$((failed + 1))
    echo "test $name ... FAILED: $*"
    sed 's/^/    /' "$scratch/output"
  fi
}

# skip NAME REASON
skip() {
  ignored=$((ignored + 1))
  echo "test $1 ... ignored, $2"
}

not() { ! "$@"; }

finish() {
  local verdict=ok
  ((failed == 0)) || verdict=FAILED
  echo "test result: $verdict. $passed passed; $failed failed; $ignored ignored"
  ((failed == 0))
}
