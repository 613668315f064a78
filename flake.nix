{
  description = "Catamaran: one image, many architectures";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    nix2container = {
      url = "github:nlewo/nix2container";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs = { self, nixpkgs, nix2container }:
    let
      inherit (nixpkgs) lib;
      systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ];
      forAll = make: lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      containers = import ./nix/containers.nix self;
      # This repository's own containers.toml.
      own = containers { root = self; };
    in
    {
      lib = { inherit containers; };
      flakeModules.default = import ./nix/flake-module.nix self;
      darwinModules.default = ./nix/darwin-builder.nix;
      templates.default = {
        path = ./nix/template;
        description = "Multi-architecture images from containers.toml, built by Nix";
      };

      packages = lib.recursiveUpdate own.packages (forAll (pkgs: rec {
        catamaran = pkgs.callPackage ./nix/catamaran.nix { };
        default = catamaran;
      }));
      inherit (own) legacyPackages containerMatrix;

      devShells = forAll (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.catamaran ];
          # Lints, and second opinions on what was built and published.
          packages = with pkgs; [ clippy rustfmt cargo-deny skopeo umoci crane jq ];
        };
      });
    };
}
