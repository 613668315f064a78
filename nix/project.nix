# The project whose containers.toml is in `root`: a flake (`self`) or a path.
root:
let
  # A path without context: what is read through it must not make an image depend on the whole source.
  folder = if builtins.isPath root then root else /. + builtins.unsafeDiscardStringContext "${root}";
in
{
  inherit folder;
  # As scripts name it; the folder comes along, because certificates of `[registry]` are relative to it.
  file = "${root}/containers.toml";
  catalog = import ./catalog.nix (builtins.readFile (folder + "/containers.toml"));
}
