# The same as lib.containers for flake-parts, with the packages of its `perSystem`:
#
#   imports = [ inputs.catamaran.flakeModules.default ];
#   catamaran.root = ./.;
#
# `flake` is Catamaran's own.
flake:
{ config, lib, inputs, withSystem, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.catamaran;
  project = import ./project.nix cfg.root;
  option = type: default: description: mkOption { inherit type default description; };
  nixpkgs = inputs.nixpkgs or flake.inputs.nixpkgs;
  # Systems that the flake itself has bring their overlays; others (Linux, seen from a Mac) come as they are.
  pkgsFor = system:
    if builtins.elem system config.systems then withSystem system ({ pkgs, ... }: pkgs)
    else nixpkgs.legacyPackages.${system};
in
{
  options.catamaran = {
    root = mkOption { type = types.path; description = "The folder of containers.toml."; };
    nix2container = option types.raw (inputs.nix2container or flake.inputs.nix2container) "The flake that has nix2container.";
    program = option types.raw (system: flake.packages.${system}.catamaran) "From a system to the Catamaran that scripts run.";
    native = option types.raw (import ./native.nix) "From a system to the Linux systems that are built for natively from it.";
    base = option types.raw null "The base layer as a function from packages to a list; null: the names in containers.toml.";
    tag = option types.str "latest" "What an image is called in an engine.";
    defaultVersion = option types.str "1.0.0" "What is published when no VERSION is set.";
  };

  config.flake.containerMatrix = import ./matrix.nix project.catalog;

  config.perSystem = { system, ... }:
    let
      outputs = import ./outputs.nix {
        inherit lib project system pkgsFor;
        inherit (cfg) base tag defaultVersion;
        nix2containerFor = system: cfg.nix2container.packages.${system}.nix2container;
        catamaran = cfg.program system;
        native = cfg.native system;
      };
    in
    {
      packages = lib.optionalAttrs (lib.hasSuffix "-linux" system) outputs;
      legacyPackages = lib.optionalAttrs (lib.hasSuffix "-darwin" system) outputs;
    };
}
