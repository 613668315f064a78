# What the scripts run (sourced by check.sh). The program writes down its words before it does what they say.

export CATAMARAN_CALLS=$work/calls
# ARGUMENT… of `nix run`, then the words that the program is to hear. The script may fail: there is no Docker here.
calls() { # WHAT OUTPUT EXPECTED [ARGUMENT…]
  local what=$1 output=$2 expected=$3
  shift 3
  rm -f "$CATAMARAN_CALLS"
  run run "$(at project)#$output" "$@" > "$work/stdout" || true
  [ -e "$CATAMARAN_CALLS" ] || fail "$what: the program was not run"
  equal "$what" "$expected" "$(tr '\n' ' ' < "$CATAMARAN_CALLS")"
}
variable() { sed -n "s/^$1=//p" "$CATAMARAN_CALLS.env"; }
