# The program itself.
{ lib, rustPlatform }:
let
  # What the build reads; a change elsewhere (docs, tests, this folder) builds nothing anew.
  needed = [ "Cargo.toml" "Cargo.lock" "src" "themes" "benches" ];
  root = toString ../.;
in
rustPlatform.buildRustPackage {
  pname = "catamaran";
  inherit ((builtins.fromTOML (builtins.readFile ../Cargo.toml)).package) version;
  src = builtins.path {
    path = ../.;
    name = "catamaran-source";
    filter = path: _: builtins.elem (builtins.head (builtins.match "/([^/]*).*" (lib.removePrefix root path))) needed;
  };
  cargoLock.lockFile = ../Cargo.lock;
  # Tests are judged by real registries, engines and archives, which a build has none of: .ci/run passes them.
  doCheck = false;
  meta = {
    description = "Build, verify and publish multi-architecture container images";
    license = lib.licenses.asl20;
    mainProgram = "catamaran";
  };
}
