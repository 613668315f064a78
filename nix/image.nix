# The image of one target, made by nix2container's buildImage: a base layer that all containers of an architecture share, and the
# application. The config says what `builder = "debian"` says (`src/debian/image_config.rs`), where the words mean the same.
{ lib
  # Where it is built: packages of a Linux system, and nix2container for it.
, buildPkgs, nix2container
  # For which architecture: its row, with `name`, and packages for it.
, architecture, pkgs
  # What: an entry of the catalog, the names of the base packages (or a function from packages to a list), the folder of
  # containers.toml, and the tag of the image in engines.
, container, base, folder, tag }:
let
  inherit (builtins) attrNames elemAt filter isFunction listToAttrs map;

  package = what: name:
    let
      path = filter builtins.isString (builtins.split "\\." name);
      found = lib.attrByPath path null pkgs;
    in
    if found == null then throw "${what}: nixpkgs has no package `${name}` (https://search.nixos.org/packages)" else lib.getBin found;

  # `base` is one list for both builders, in Debian's words. These are called otherwise in nixpkgs.
  translated = { bash = "bashInteractive"; ca-certificates = "cacert"; libc6 = "glibc"; procps = "procps"; };
  basePackages =
    if isFunction base then base pkgs
    else map (name: package "the base layer (or give lib.containers `base = pkgs: [ … ]`)" (translated.${name} or name)) base;
  packages = map (package "container `${container.name}`") container.packages;

  files = import ./root-filesystem.nix {
    inherit lib container architecture folder;
    pkgs = buildPkgs;
    packages = packages ++ basePackages;
  };

  # `PATH` of an image that sets none: Debian's for root.
  path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  set = names: listToAttrs (map (name: { inherit name; value = { }; }) names);
in
nix2container.buildImage {
  inherit (container) name;
  inherit tag;
  arch = architecture.oci;
  layers = lib.optional (basePackages != [ ]) (nix2container.buildLayer { deps = basePackages; });
  copyToRoot = files.root;
  inherit (files) perms;
  # One layer is the base's. Two for the application unless `layers` says otherwise: what it has in common with others, and itself.
  maxLayers = if container.layers == null then 2 else container.layers - 1;
  config = lib.filterAttrs (_: value: value != null && value != [ ] && value != { }) {
    Entrypoint = [ files.program ] ++ lib.tail container.entrypoint;
    Cmd = container.cmd;
    Env = [ path ] ++ map (name: "${name}=${container.env.${name}}") (attrNames container.env);
    User = container.user;
    WorkingDir = container.workdir;
    ExposedPorts = set container.expose;
    Volumes = set container.volumes;
    Labels = {
      "org.opencontainers.image.description" = "Container with ${lib.concatStringsSep ", " container.packages}";
    } // container.labels;
  };
}
