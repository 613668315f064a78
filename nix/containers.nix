# lib.containers: containers.toml as outputs of a flake.
#
#   outputs = { self, nixpkgs, nix2container, catamaran, ... }:
#     catamaran.lib.containers { root = self; inherit nixpkgs nix2container; };
#
# gives `packages` on Linux, `legacyPackages` on Darwin (they need a Linux builder there: docs/nix.md) and `containerMatrix`.
# `flake` is Catamaran's own.
flake:
{ # The folder of containers.toml: the flake itself (`self`), or a path (`./images`).
  root
, nixpkgs ? flake.inputs.nixpkgs
, nix2container ? flake.inputs.nix2container
, systems ? [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ]
  # From a system to its packages: where overlays and `config` come in.
, pkgsFor ? system: nixpkgs.legacyPackages.${system}
, nix2containerFor ? system: nix2container.packages.${system}.nix2container
  # The program that the scripts run.
, catamaran ? system: flake.packages.${system}.catamaran
  # From a system to the Linux systems that are built for natively from it: add those of your remote builders. The first one is
  # where the rest is cross-compiled.
, native ? import ./native.nix
  # The base layer as a function from packages to a list, where the names in containers.toml are not nixpkgs'.
, base ? null
  # What an image is called in an engine: `fd:latest`.
, tag ? "latest"
  # What a push script publishes when neither its run nor its evaluation knew a VERSION.
, defaultVersion ? "1.0.0" }:
let
  inherit (nixpkgs) lib;
  project = import ./project.nix root;
  outputs = system: import ./outputs.nix {
    inherit lib project system pkgsFor nix2containerFor base tag defaultVersion;
    catamaran = catamaran system;
    native = native system;
  };
  on = kind: lib.genAttrs (builtins.filter (lib.hasSuffix kind) systems) outputs;
in
{
  packages = on "-linux";
  legacyPackages = on "-darwin";
  containerMatrix = import ./matrix.nix project.catalog;
}
