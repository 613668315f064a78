# nix2container's two functions, with its arguments and passthru. The document is written by image.py.
{
  inputs.nixpkgs.url = "nixpkgs";
  outputs = { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      graph = path: [ "base-${baseNameOf (builtins.unsafeDiscardStringContext path)}" path ];
      functions = system: {
        buildLayer = { deps ? [ ], copyToRoot ? null, layers ? [ ], perms ? [ ], maxLayers ? 1 }: {
          inherit deps maxLayers perms;
          root = if copyToRoot == null then "" else copyToRoot;
        };
        buildImage = { name, tag ? null, config ? { }, layers ? [ ], copyToRoot ? null, arch, perms ? [ ], maxLayers ? 1 }:
          derivation {
            name = "image-${baseNameOf name}.json";
            system = builtins.replaceStrings [ "darwin" ] [ "linux" ] system;
            builder = "/bin/sh";
            PATH = "/usr/local/bin:/usr/bin:/bin";
            args = [ "-euc" "python3 ${./image.py} > $out" ];
            inherit arch;
            config = builtins.toJSON config;
            perms = builtins.toJSON perms;
            bases = map (layer: toString layer.deps) layers;
            root = copyToRoot;
            inherit maxLayers;
            # `graph`, then what it is the closure of.
            exportReferencesGraph = [ "application" copyToRoot ] ++ lib.concatMap (layer: lib.concatMap graph layer.deps) layers;
          } // { imageName = lib.toLower name; imageTag = if tag == null then "none" else tag; };
      };
    in
    { packages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (system: { nix2container = functions system; }); };
}
