# flake-parts as far as our module needs it: options with defaults, `flake`, and `perSystem` with the system's own packages.
{
  inputs.nixpkgs.url = "nixpkgs";
  outputs = { self, nixpkgs }: {
    lib.mkFlake = { inputs }: settings:
      let
        inherit (nixpkgs) lib;
        pkgsFor = system: nixpkgs.legacyPackages.${system};
        withSystem = system: function: function { inherit system; pkgs = pkgsFor system; };
        evaluated = map (module: module { inherit config lib inputs withSystem; }) settings.imports;
        # What is declared under `catamaran`, with what `settings` says.
        declared = builtins.foldl' (all: module: all // (module.options.catamaran or { })) { } evaluated;
        config = {
          inherit (settings) systems;
          catamaran = builtins.mapAttrs (name: option: settings.catamaran.${name} or option.default) declared;
        };
        perSystem = kind: lib.genAttrs settings.systems (system:
          builtins.foldl' (all: module: all // (module.config.perSystem { inherit system; pkgs = pkgsFor system; }).${kind}) { } evaluated);
      in
      builtins.foldl' (all: module: all // module.config.flake) { } evaluated
      // { packages = perSystem "packages"; legacyPackages = perSystem "legacyPackages"; };
  };
}
