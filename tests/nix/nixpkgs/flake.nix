# As much of nixpkgs as `nix/` uses. Packages are shell scripts for whatever architecture they say they are for.
{
  outputs = { self }:
    let
      lib = import ./lib.nix;
      package = import ./packages.nix;
      # The program under test: a file that check.sh writes, with the path of the binary.
      program = builtins.readFile ./program;
      # `system`: where it is built. `host`: what it is for. Evaluated here, everything is built on the machine of the test.
      packagesFor = system: host: package { inherit lib host program; builtOn = system; } // {
        pkgsCross = lib.genAttrs [ "gnu64" "aarch64-multiplatform" "riscv64" "powernv" "s390x" "armv7l-hf-multiplatform" ]
          (cross: packagesFor system cross);
      };
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (system: packagesFor system system);
    };
}
