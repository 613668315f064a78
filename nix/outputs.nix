# The outputs of a catalog for one system:
#   NAMEContainer-TARGET   the image of a target, with copyToDockerDaemon, copyToPodman, copyToRegistry and copyTo
#   NAMEManifest           the script that publishes all targets of a container
#   NAMEManifest-TARGET    the same for one
# of every container that has packages for Nix: `builder = "nix"`, or `packages = { nix = […] }`.
{ lib
  # What project.nix makes of a folder.
, project
, system
  # From a system to its packages, and to its nix2container; this system's Catamaran.
, pkgsFor, nix2containerFor, catamaran
  # The Linux systems that are built for natively from here; the first one is also where everything else is cross-compiled.
, native
, base, tag, defaultVersion }:
let
  inherit (project) catalog folder file;
  architectures = (import ./architectures.nix).all;
  inherit (builtins) attrNames attrValues filter head listToAttrs;

  pkgs = pkgsFor system;
  buildSystem = head native;
  buildPkgs = pkgsFor buildSystem;
  withCopies = import ./copy.nix { inherit lib pkgs catamaran file; inherit (catalog) registry; };
  manifest = import ./manifest.nix { inherit lib pkgs catamaran file defaultVersion; };

  image = container: target:
    let architecture = architectures.${target} // { name = target; }; in
    withCopies (import ./image.nix {
      inherit lib buildPkgs architecture container folder tag;
      base = if base == null then catalog.base else base;
      nix2container = nix2containerFor buildSystem;
      pkgs = if builtins.elem architecture.system native then pkgsFor architecture.system else buildPkgs.pkgsCross.${architecture.cross};
    });

  ofContainer = container:
    let
      images = lib.genAttrs container.targets (image container);
      script = suffix: images: rec {
        name = "${container.name}Manifest${suffix}";
        value = manifest { inherit name images; container = container.name; };
      };
    in
    map (target: { name = "${container.name}Container-${target}"; value = images.${target}; }) (attrNames images)
    ++ [ (script "" images) ]
    ++ map (target: script "-${target}" { ${target} = images.${target}; }) (attrNames images);
in
listToAttrs (lib.concatMap ofContainer (filter (container: container.packages != null) (attrValues catalog.containers)))
