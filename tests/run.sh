#!/usr/bin/env bash
# Passes the tests on a fresh Debian machine: installs the real parts they are judged by, then runs them.
# Needs root (or sudo) for the installation only; set CATAMARAN_TESTS_NO_INSTALL=1 when everything is there.
# A release is killed at six random moments; CATAMARAN_KILLS=20 tests/run.sh --test real -- kill_9 does it more often.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/install.sh
exec cargo test --locked "$@"
