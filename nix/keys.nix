# The legal keys of containers.toml, as `src/catalog/schema.rs` has them; tests/nix/check.sh holds this list against
# `catamaran schema`. What Nix does not use (`registry`, `debian`) is checked by the program alone.
{
  root = [ "registry" "defaults" "debian" "nix" "containers" "waive" ];
  defaults = [ "builder" "targets" "base" "compression" "layers" "env" "labels" "annotations" ];
  nix = [ "flake" "builders" "extra-args" ];
  container = [
    "name" "packages" "entrypoint" "cmd" "targets" "builder" "env" "labels" "annotations" "user" "workdir" "expose" "volumes"
    "links" "files" "compression" "layers" "test" "waive"
  ];
  packages = [ "debian" "nix" ];
  file = [ "from" "text" "to" "mode" "owner" ];
}
