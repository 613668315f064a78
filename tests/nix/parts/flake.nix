# The same project with flake-parts.
{
  inputs = {
    nixpkgs.url = "nixpkgs";
    nix2container.url = "nix2container";
    catamaran.url = "catamaran";
    flake-parts.url = "flake-parts";
  };
  outputs = inputs: inputs.flake-parts.lib.mkFlake { inherit inputs; } {
    imports = [ inputs.catamaran.flakeModules.default ];
    systems = [ "x86_64-linux" "aarch64-darwin" ];
    catamaran.root = ./.;
  };
}
