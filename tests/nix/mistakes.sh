# What is wrong is said, and what to do about it (sourced by check.sh).

# Evaluates a project whose containers.toml has the given text, and looks for PART in what is said.
refused() { # WHAT PART OUTPUT TEXT
  local what=$1 part=$2 output=$3
  printf '%s\n' "$4" > "$work/project/containers.toml"
  if value "$(at project)#$output" > "$work/stdout" 2> "$work/said"; then fail "$what: nothing was said of\n$4"; fi
  contains "$what" "$part" "$(cat "$work/said")"
}
matrix=containerMatrix
drv=packages.$system.fdContainer-x86_64.drvPath
refused "an unknown architecture" 'unknown architecture `sparc`; known are `x86_64`, `aarch64`' $matrix \
  $'[containers.fd]\npackages = ["fd"]\ntargets = ["sparc"]'
refused "an unknown key" 'unknown key `pakages` in [containers.fd]; known here are `name`, `packages`' $matrix $'[containers.fd]\npakages = ["fd"]'
refused "an unknown table" 'unknown key `default` in containers.toml' $matrix $'[default]\n[containers.fd]\npackages = ["fd"]'
refused "all of it at once" '`PATH` is set by Catamaran' $matrix \
  $'[containers.fd]\npackages = ["fd"]\nuser = "A"\nenv = { PATH = "x" }\ntargets = ["amd64", "x86_64"]'
contains "the second mistake" '`A` is not a user' "$(cat "$work/said")"
contains "and the third" 'names x86_64 twice' "$(cat "$work/said")"
refused "a wrong type" '`packages` must be an array of strings' $matrix $'[containers.fd]\npackages = "fd"'
refused "nothing at all" 'defines no containers' $matrix ''
refused "no table" '[containers.fd] must be a table' $matrix $'[containers]\nfd = 1'
refused "two of one name" 'two containers are called `fd`' $matrix $'[containers.fd]\npackages = ["fd"]\n[containers.other]\nname = "fd"\npackages = ["fd"]'
refused "a name no registry takes" 'cannot be a container'"'"'s name' $matrix $'[containers.Fd]\npackages = ["fd"]'
refused "broken TOML" 'containers' $matrix '[containers.fd'
nix_built=$'[defaults]\nbuilder = "nix"\n[containers.fd]\n'
refused "an unknown package" 'container `fd`: nixpkgs has no package `fd-find`' $drv "$nix_built"'packages = ["fd-find"]'
refused "an unknown base package" 'base = pkgs: [ … ]' $drv $'[defaults]\nbuilder = "nix"\nbase = ["base-files"]\n[containers.fd]\npackages = ["fd"]'
refused "a user nobody knows" 'the image has no user `app`, only root and nobody' $drv "$nix_built"$'packages = ["fd"]\nuser = "app"'
refused "a file that git does not know" 'there is no `missing` in the flake' $drv "$nix_built"$'packages = ["fd"]\nfiles = [{ from = "missing", to = "/x" }]'
refused "a file elsewhere" 'is not below the folder' $drv "$nix_built"$'packages = ["fd"]\nfiles = [{ from = "../x", to = "/x" }]'

cp "$here/project/containers.toml" "$work/project"
if run build --no-link -L "$(at project)#packages.$system.wrong-entrypointContainer-x86_64" 2> "$work/said"; then
  fail "an entrypoint that is not there was built"
fi
contains "a wrong entrypoint" "the entrypoint /bin/jqq is no program of the image" "$(cat "$work/said")"
contains "with what there is" "Its packages ship: bash cat jq ls sh" "$(cat "$work/said")"

# Every mistake that the program finds in these files, Nix finds too; and what it takes, Nix takes.
both() { # TEXT
  printf '%s\n' "$1" > "$work/project/containers.toml"
  local program=right
  local library=right
  "$catamaran" matrix --file "$work/project" > /dev/null 2>&1 || program=wrong
  value "$(at project)#containerMatrix" > /dev/null 2>&1 || library=wrong
  [ "$program" = "$library" ] || fail "the program finds it $program, Nix finds it $library:" "$1"
}
count=0
while IFS= read -r line; do
  both $'[containers.fd]\n'"${line//; /$'\n'}"
  count=$((count + 1))
done << 'LINES'
packages = ["fd"]
packages = []
packages = { debian = ["fd-find"] }
packages = { nix = ["fd"] }
builder = "nix"; packages = { debian = ["fd-find"] }
builder = "nix"; packages = ["python3Packages.requests", "_7zz"]
builder = "nix"; packages = ["7zz"]
builder = "nx"; packages = ["fd"]
packages = ["fd"]; name = "a.b_c__d-e---f"
packages = ["fd"]; name = "a._b"
packages = ["fd"]; targets = ["ARM64", "amd64", "riscv64", "ppc64el", "s390x", "armhf"]
packages = ["fd"]; targets = []
packages = ["fd"]; targets = ["x86-64", "x64"]
packages = ["fd"]; entrypoint = ["/bin/fd", "a b"]
packages = ["fd"]; entrypoint = "bin/fd"
packages = ["fd"]; entrypoint = ""
packages = ["fd"]; entrypoint = "a b"
packages = ["fd"]; user = "1000:nogroup"
packages = ["fd"]; user = "a:b:c"
packages = ["fd"]; workdir = "/a/b.c"
packages = ["fd"]; workdir = "/a/../b"
packages = ["fd"]; workdir = "/"
packages = ["fd"]; workdir = "//"
packages = ["fd"]; volumes = ["/a/"]
packages = ["fd"]; expose = ["80", "53/udp", "1/sctp"]
packages = ["fd"]; expose = ["080"]
packages = ["fd"]; expose = ["80/xyz"]
packages = ["fd"]; env = { A1_b = "x" }
packages = ["fd"]; env = { "1A" = "x" }
packages = ["fd"]; env = { A = 1 }
packages = ["fd"]; layers = 2
packages = ["fd"]; layers = 1
packages = ["fd"]; links = { "/a" = "b" }
packages = ["fd"]; links = { "a" = "b" }
packages = ["fd"]; files = [{ text = "x", to = "/a", mode = "0o755" }]
packages = ["fd"]; files = [{ text = "x", to = "/a", mode = "888" }]
packages = ["fd"]; files = [{ to = "/a" }]
packages = ["fd"]; files = [{ text = "x", to = "a" }]
packages = ["fd"]; nonsense = 1
LINES
echo "ok: the program and Nix agree on $count files"
