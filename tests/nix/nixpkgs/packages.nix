# Packages and builders: scripts that `/bin/sh` runs on the machine of the test, whatever the system they are for.
{ lib, host, builtOn, program }:
let
  # What runs the builders. A build on another system is only evaluated.
  derive = name: script: arguments: derivation ({
    inherit name;
    system = builtins.replaceStrings [ "darwin" ] [ "linux" ] builtOn;
    builder = "/bin/sh";
    PATH = "/usr/local/bin:/usr/bin:/bin";
    args = [ "-euc" script ];
  } // arguments);

  tool = name: programs: derive "${name}-${host}" ''
    mkdir -p "$out/bin" "$out/etc/${name}"
    echo "for ${host}" > "$out/etc/${name}/about"
    for program in ${toString programs}; do
      printf '#!/bin/sh\necho %s for %s\n' "$program" ${host} > "$out/bin/$program"
      chmod +x "$out/bin/$program"
    done
  '' { } // { meta.description = name; };
in
rec {
  stdenv.hostPlatform.system = host;
  # The interpreter of the others, so a program of its machine.
  bashInteractive = derive "bash-${host}" ''
    mkdir -p "$out/bin" "$out/etc/bash"
    echo "for ${host}" > "$out/etc/bash/about"
    python3 ${./program.py} ${host} "$out/bin/bash"
    ln -s bash "$out/bin/sh"
  '' { } // { meta.description = "bash"; };
  coreutils = tool "coreutils" [ "ls" "cat" ];
  fd = tool "fd" [ "fd" ];
  ripgrep = tool "ripgrep" [ "rg" ];
  jq = tool "jq" [ "jq" ];
  python3Packages.requests = tool "requests" [ "requests" ];
  # Has a `bin` output, which alone belongs in an image.
  curl = tool "curl-lib" [ "curl-config" ] // { bin = tool "curl-bin" [ "curl" ]; };
  inherit (lib.genAttrs [ "clippy" "rustfmt" "cargo-deny" "skopeo" "umoci" "crane" ] (name: tool name [ name ]))
    clippy rustfmt cargo-deny skopeo umoci crane;

  callPackage = file: overrides:
    let function = import file; in
    function (builtins.intersectAttrs (builtins.functionArgs function) ({ inherit lib rustPlatform; } // overrides));
  mkShell = { packages ? [ ], inputsFrom ? [ ] }: derive "shell" ''echo "$inputs" > "$out"'' { inputs = packages ++ inputsFrom; };
  writeText = name: text: derive name ''printf %s "$text" > "$out"'' { inherit text; };
  writeShellApplication = { name, text, runtimeInputs ? [ ] }: derive name ''
    mkdir -p "$out/bin"
    printf '#!/usr/bin/env bash\nset -euo pipefail\nexport PATH="%s/bin:$PATH"\n%s' "$inputs" "$text" > "$out/bin/${name}"
    chmod +x "$out/bin/${name}"
    shellcheck "$out/bin/${name}"
  '' { inherit text; inputs = lib.concatStringsSep "/bin:" (map toString runtimeInputs); } // { meta.mainProgram = name; };

  # The files below `pathsToLink` of every package as links. Folders are real where several packages have them or `pathsToLink` names
  # them, and links where one has. Of two files with the same name the first wins.
  buildEnv = { name, paths, pathsToLink ? [ "/" ], ignoreCollisions ? false, postBuild ? "" }: derive name ''
    for folder in $pathsToLink; do
      mkdir -p "$out$folder"
      for path in $paths; do
        if ! [ -d "$path$folder" ]; then continue; fi
        for entry in $(cd "$path$folder" && find . -mindepth 1 -maxdepth 1 -type d); do
          inner=$folder/''${entry#./}
          have=0
          for other in $paths; do if [ -d "$other$inner" ]; then have=$((have + 1)); fi; done
          case " $pathsToLink " in *" $inner"[/\ ]*) have=2 ;; esac
          if [ $have = 1 ] && ! [ -e "$out$inner" ]; then ln -sn "$path$inner" "$out$inner"; fi
        done
        (cd "$path$folder" && find . -mindepth 1 -type d) | while read -r inner; do [ -d "$out$folder/$inner" ] || mkdir -p "$out$folder/$inner"; done
        (cd "$path$folder" && find . ! -type d) | while read -r file; do
          if [ -e "$out$folder/$file" ]; then
            if [ -z "$ignoreCollisions" ]; then echo "collision: $folder/$file" >&2; exit 1; fi
          else
            ln -s "$path$folder/''${file#./}" "$out$folder/$file"
          fi
        done
      done
    done
    eval "$postBuild"
  '' { inherit paths pathsToLink ignoreCollisions postBuild; };

  # Cargo has no registry here: the program that is under test stands for what it would build.
  rustPlatform.buildRustPackage = { pname, version, src, cargoLock, doCheck, meta }: derive "${pname}-${version}" ''
    for file in Cargo.toml Cargo.lock src/main.rs; do test -e "$src/$file"; done
    test -e "$lock"
    mkdir -p "$out/bin"
    printf '%s\n' > "$out/bin/catamaran" '#!/bin/sh' \
      'if [ -n "''${CATAMARAN_CALLS:-}" ]; then' \
      '  for word; do printf "%s\n" "$word"; done > "$CATAMARAN_CALLS"' \
      '  env > "$CATAMARAN_CALLS.env"' \
      'fi' \
      "exec $program \"\$@\""
    chmod +x "$out/bin/catamaran"
  '' { inherit src program; lock = cargoLock.lockFile; } // { inherit meta pname version; };
}
