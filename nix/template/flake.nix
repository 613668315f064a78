{
  description = "Multi-architecture images";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    nix2container = {
      url = "github:nlewo/nix2container";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    catamaran = {
      # Write the address this template came from.
      url = "flake:catamaran";
      inputs.nixpkgs.follows = "nixpkgs";
      inputs.nix2container.follows = "nix2container";
    };
  };

  # What is built stands in containers.toml. Then:
  #   nix build .#fdContainer-aarch64                     one image
  #   nix run .#fdContainer-x86_64.copyToDockerDaemon     into Docker
  #   VERSION=1.0.0 TAGS=latest nix run .#fdManifest      publish all its architectures
  #   nix eval .#containerMatrix --json                   for CI
  outputs = { self, nixpkgs, nix2container, catamaran }:
    catamaran.lib.containers {
      root = self;
      inherit nixpkgs nix2container;
    };
}
