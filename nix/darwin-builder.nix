# A nix-darwin module: Linux images on a Mac with Apple silicon, without Docker.
#
# Images are Linux programs, so a Mac needs a Linux machine to build them. nix-rosetta-builder runs one in Apple's virtualization:
# aarch64-linux natively, and x86_64-linux translated by Rosetta 2, so both architectures build at native or nearly native speed
# and are the ones of the binary cache. This module configures it for that; both are imported (docs/nix.md has the whole flake):
#
#   modules = [
#     nix-rosetta-builder.darwinModules.default
#     catamaran.darwinModules.default
#     { catamaran.builder.enable = true; }
#   ];
{ config, lib, options, ... }:
let
  inherit (lib) mkEnableOption mkIf mkOption types;
  cfg = config.catamaran.builder;
  option = type: default: description: mkOption { inherit type default description; };
in
{
  options.catamaran.builder = {
    enable = mkEnableOption "the Linux builder for container images";
    onDemand = option types.bool true ''
      Start the machine when something is to be built, and stop it after a while without work. Otherwise it always runs, and
      always has its memory.
    '';
    lingerMinutes = option types.ints.positive 180 "So long it waits for more work before it stops, when `onDemand`.";
    cores = option types.ints.positive 8 "Its processors, and how many things it builds at a time.";
    memory = option types.str "6GiB" "Its memory.";
    diskSize = option types.str "100GiB" "Its disk: packages of both architectures, and what they are built from.";
    trustedUsers = option (types.listOf types.str) [ "root" "@admin" ] ''
      Who may choose builders and caches. Whoever may is as good as root.
    '';
  };

  config = mkIf cfg.enable (
    {
      assertions = [
        {
          assertion = options ? nix-rosetta-builder;
          message = "catamaran.builder configures nix-rosetta-builder: import its darwinModules.default too";
        }
      ];

      nix.settings = {
        experimental-features = [ "nix-command" "flakes" ];
        trusted-users = cfg.trustedUsers;
        # The machine fetches from caches itself, instead of being sent everything by this one.
        builders-use-substitutes = true;
      };
      # An x86_64-linux build is for the machine, never for this one.
      nix.distributedBuilds = true;
    }
    // lib.optionalAttrs (options ? nix-rosetta-builder) {
      nix-rosetta-builder = {
        enable = true;
        inherit (cfg) onDemand cores memory diskSize;
        onDemandLingerMinutes = cfg.lingerMinutes;
      };
    }
  );
}
