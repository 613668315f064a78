# What is there: the names of outputs, the matrix, and that everything evaluates (sourced by check.sh).

names() { value "$(at "$1")#$2" --apply builtins.attrNames | jq -r 'join(" ")'; }
drvs() { value "$(at "$1")#$2" --apply 'builtins.mapAttrs (_: output: output.drvPath)'; }

equal "the outputs of this repository" "catamaran default" "$(names catamaran packages.x86_64-linux)"
drvs catamaran packages.aarch64-darwin > /dev/null
drvs catamaran devShells.x86_64-linux > /dev/null

expected=""
for container in everything fd rg wrong-entrypoint; do
  case $container in
    everything) targets="aarch64 armv7 ppc64le riscv64 s390x x86_64" ;;
    wrong-entrypoint) targets=x86_64 ;;
    *) targets="aarch64 x86_64" ;;
  esac
  for target in $targets; do expected+="${container}Container-$target "; done
  expected+="${container}Manifest "
  for target in $targets; do expected+="${container}Manifest-$target "; done
done
equal "the outputs of a project on Linux" "${expected% }" "$(names project packages.x86_64-linux)"
equal "the same on arm" "${expected% }" "$(names project packages.aarch64-linux)"
equal "and on a Mac, as legacyPackages" "${expected% }" "$(names project legacyPackages.aarch64-darwin)"
equal "where packages has none" "aarch64-linux x86_64-linux" "$(names project packages)"
for output in packages.x86_64-linux packages.aarch64-linux legacyPackages.aarch64-darwin; do
  drvs project $output > "$work/$output.json"
done
echo "ok: all of them evaluate"
# The scripts name the folder of their project; everything else is the same.
images() { jq 'with_entries(select(.key | test("Container-")))'; }
for output in packages.x86_64-linux legacyPackages.aarch64-darwin; do
  equal "flake-parts gives the same images in $output" "$(images < "$work/$output.json")" "$(drvs parts $output | images)"
  equal "and the same outputs" "$(names project $output)" "$(names parts $output)"
done

# Native where the host is the target, cross-compiled elsewhere; a Mac has a builder for both.
made_of() { # OUTPUT IMAGE: for what the fd in it is compiled
  nix_store --query --requisites "$(jq -r ".\"$2\"" "$work/$1.json")" | sed -n 's/.*-fd-\(.*-linux\|gnu64\|.*-multiplatform\)\.drv$/\1/p'
}
equal "native where the host is the target" x86_64-linux "$(made_of packages.x86_64-linux fdContainer-x86_64)"
equal "cross-compiled elsewhere" aarch64-multiplatform "$(made_of packages.x86_64-linux fdContainer-aarch64)"
equal "the other way round on arm" gnu64 "$(made_of packages.aarch64-linux fdContainer-x86_64)"
equal "a Mac has aarch64" aarch64-linux "$(made_of legacyPackages.aarch64-darwin fdContainer-aarch64)"
equal "and x86_64" x86_64-linux "$(made_of legacyPackages.aarch64-darwin fdContainer-x86_64)"

for project in catamaran project parts; do
  equal "containerMatrix of $project" "$("$catamaran" matrix --file "$work/$project")" "$(value "$(at $project)#containerMatrix")"
done
equal "and a half of it" "$("$catamaran" matrix manifest --file "$work/project")" "$(value "$(at project)#containerMatrix.manifest")"

# `nix flake init -t`, and what comes of it.
# It takes no --override-input, so the flake it is taken from gets other addresses.
cp -r "$work/catamaran" "$work/elsewhere"
sed -i "s#github:NixOS/nixpkgs/nixos-unstable#$(at nixpkgs)#; s#github:nlewo/nix2container#$(at nix2container)#" "$work/elsewhere/flake.nix"
mkdir "$work/new"
(cd "$work/new" && "$nix" flake init -t "$(at elsewhere)" 2> "$work/stderr") || fail "nix flake init: $(cat "$work/stderr")"
equal "the matrix of the template" "$("$catamaran" matrix --file "$work/new")" "$(value "$(at new)#containerMatrix")"
contains "the outputs of the template" "fdContainer-aarch64 fdContainer-x86_64 fdManifest " "$(names new packages.x86_64-linux)"
drvs new packages.x86_64-linux > /dev/null

# The lists that nix/ has of its own are the program's.
"$catamaran" schema > "$work/schema.json"
evaluate() { "$nix" eval --impure --json --expr "let nix = $work/catamaran/nix; in $1"; }
container=.properties.containers.additionalProperties
for table in root:. defaults:.properties.defaults nix:.properties.nix container:$container \
  file:$container.properties.files.items "packages:$container.properties.packages.oneOf[1]"; do
  equal "the keys of ${table%%:*}" "$(jq -c "${table#*:} | .properties | keys" "$work/schema.json")" \
    "$(evaluate "builtins.sort builtins.lessThan (import (nix + \"/keys.nix\")).${table%%:*}")"
done
equal "the architectures" "$(jq -c "$container.properties.targets.items.anyOf[0].enum" "$work/schema.json")" \
  "$(evaluate '(import (nix + "/architectures.nix")).names')"

# The module for nix-darwin, with and without what it configures.
darwin() { # OPTIONS
  value "$(at catamaran)#darwinModules.default" --apply "module: let
    lib = (builtins.getFlake \"$(at nixpkgs)\").lib;
    module' = (if builtins.isFunction module then module else import module) {
      inherit lib;
      options = $1;
      config.catamaran.builder = builtins.mapAttrs (_: option: option.default) module'.options.catamaran.builder // { enable = true; };
    };
  in module'.config" --impure
}
builder=$(darwin '{ nix-rosetta-builder = { }; }')
equal "the builder on a Mac" \
  '{"cores":8,"diskSize":"100GiB","enable":true,"memory":"6GiB","onDemand":true,"onDemandLingerMinutes":180}' \
  "$(jq -cS '."nix-rosetta-builder"' <<< "$builder")"
equal "which is there" true "$(jq '.assertions[0].assertion' <<< "$builder")"
equal "or is asked for" false "$(darwin '{ }' | jq '.assertions[0].assertion')"
