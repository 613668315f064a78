# The CI matrix of a catalog: what `catamaran matrix` prints, to the byte, once it is JSON. Pure, and without nixpkgs.
catalog:
let
  containers = builtins.attrValues catalog.containers;
in
{
  build = builtins.concatMap (container: map (target: { container = container.name; inherit target; }) container.targets) containers;
  manifest = map (container: container.name) containers;
}
