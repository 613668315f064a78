# The push script of a container: `nix run .#fdManifest` publishes the images that Nix has built, and an index of them where
# there are several. They are inputs of the script, so nothing is evaluated or built anew when it runs.
#
# VERSION, TAGS, GITHUB_REF_NAME and GITHUB_ACTOR are read when the script runs, so that `nix run` does without --impure. With
# --impure they are also read at evaluation, and what they were then holds where the script runs without them. GITHUB_TOKEN is
# only ever read when it runs. An empty variable is an absent one.
{ lib, pkgs, catamaran, file, defaultVersion }:
# `images`: our name of an architecture → its image.
{ name, container, images }:
let
  inherit (lib) escapeShellArg;
  variable = name: default:
    let value = builtins.getEnv name; in
    ''
      default=${escapeShellArg (if value == "" then default else value)}
      export ${name}="''${${name}:-$default}"
    '';
  image = target: " --image ${target}=nix:${images.${target}}";
in
pkgs.writeShellApplication {
  inherit name;
  runtimeInputs = [ catamaran ];
  text = variable "VERSION" defaultVersion + variable "TAGS" "" + variable "GITHUB_REF_NAME" "main" + variable "GITHUB_ACTOR" "" + ''
    exec catamaran push "$VERSION" ${escapeShellArg container} --file ${escapeShellArg file} \
      ${lib.concatMapStrings image (builtins.attrNames images)} "$@"
  '';
}
