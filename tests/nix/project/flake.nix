# A project of a user: what docs/nix.md shows, with every argument's default.
{
  inputs = {
    nixpkgs.url = "nixpkgs";
    nix2container.url = "nix2container";
    catamaran.url = "catamaran";
  };
  outputs = { self, nixpkgs, nix2container, catamaran }: catamaran.lib.containers { root = self; inherit nixpkgs nix2container; };
}
