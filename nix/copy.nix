# An image with the ways out of the store that nix2container gives it, run by Catamaran instead of a patched skopeo:
#   nix run .#fdContainer-aarch64.copyToDockerDaemon
# What follows `--` is for `catamaran copy`.
{ lib, pkgs, catamaran, registry, file }:
image:
let
  inherit (lib) escapeShellArg;
  name = "${image.imageName}:${image.imageTag}";

  # `[registry]` of containers.toml; without one, the name alone says where to, as in nix2container.
  container = image.imageName;
  template = registry.repository or "{container}";
  repository =
    if builtins.match ".*\\{container}.*" template != null then builtins.replaceStrings [ "{container}" ] [ container ] template
    else "${lib.removeSuffix "/" template}/${container}";
  remote = if registry ? host then "${registry.host}/${repository}:${image.imageTag}" else "docker.io/library/${name}";

  script = name: text: pkgs.writeShellApplication { inherit name text; runtimeInputs = [ catamaran ]; };
  copy = name: destination: script name ''
    exec catamaran copy nix:${image} ${destination} "$@"
  '';
in
image // {
  copyTo = copy "copy-to" "";
  copyToDockerDaemon = copy "copy-to-docker-daemon" (escapeShellArg "docker-daemon:${name}");
  # The registry's credentials and certificates are those of `[registry]`.
  copyToRegistry = copy "copy-to-registry" "${escapeShellArg "docker://${remote}"} --file ${escapeShellArg file}";
  # Through an archive, because Podman's store has no daemon to speak to. The user's own podman knows where it is.
  copyToPodman = script "copy-to-podman" ''
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    catamaran copy nix:${image} "docker-archive:$folder/image.tar:"${escapeShellArg name} "$@"
    podman load --input "$folder/image.tar"
  '';
}
