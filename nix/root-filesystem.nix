# What lies at `/` of an image: links to the programs of its packages, accounts, and the `links` and `files` of containers.toml.
#
# Programs are at /bin on every architecture, so that entrypoint and PATH do not depend on store paths and the configs of all
# architectures are the same. Folders that something is added to are named in `pathsToLink`, because buildEnv makes those real
# folders; any other folder that one package alone has is a link into the store.
{ lib, pkgs, container, architecture, packages, folder }:
let
  inherit (builtins) attrNames filter hasAttr map;
  inherit (lib) escapeShellArg;

  # As in `builder = "debian"`, where base-passwd brings more of them.
  ids = { root = 0; nobody = 65534; nogroup = 65534; };
  accounts = {
    "/etc/passwd" = pkgs.writeText "passwd" ''
      root:x:0:0:root:/root:/bin/bash
      nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
    '';
    "/etc/group" = pkgs.writeText "group" ''
      root:x:0:
      nogroup:x:65534:
    '';
  };

  # The number of the user or group that `word` names.
  id = word:
    if builtins.match "[0-9]+" word != null then lib.toInt word
    else ids.${word} or (throw "container `${container.name}`: the image has no account `${word}`, only root and nobody; give a number");
  isAccount = word: builtins.match "[0-9]+" word != null || hasAttr word ids;
  parts = filter builtins.isString (builtins.split ":" (if container.user == null then "root" else container.user));
  # Whoever brings an /etc/passwd brings its accounts.
  bringsAccounts = builtins.any (file: builtins.match "/etc(/passwd)?" file.to != null) container.files;

  programFile = let command = builtins.head container.entrypoint; in if lib.hasPrefix "/" command then command else "/bin/${command}";

  fill = path: builtins.replaceStrings [ "{target}" "{oci}" "{debian}" "{rust}" ] (with architecture; [ name oci debian rust ]) path;
  content = file:
    if file ? text then
      pkgs.writeText "text" file.text
    else
      let
        from = fill file.from;
        path = folder + "/${from}";
      in
      if lib.hasPrefix "/" from || builtins.match "(.*/)?\\.\\.(/.*)?" from != null then
        throw "container `${container.name}`: `${from}` is not below the folder of containers.toml, and a flake sees nothing else"
      else if !builtins.pathExists path then
        throw "container `${container.name}`: there is no `${from}` in the flake's source; in a git repository, `git add` it first"
      else
        # By itself, so that another commit is not another image.
        builtins.path { inherit path; name = lib.strings.sanitizeDerivationName (baseNameOf from); };

  parent = path: let up = dirOf path; in if up == "/" then [ ] else [ up ];
  put = file: ''
    if [ -d ${content file} ]; then
      to="$out"${escapeShellArg file.to}
      # Nothing may be written through a link into the store: such a folder becomes a real one, with links to what was in it.
      find ${content file} -type d -printf '%P\n' | while IFS= read -r inner; do
        inside="$to''${inner:+/$inner}"
        if [ -L "$inside" ]; then
          linked=$(readlink -f "$inside")
          rm "$inside"
          mkdir "$inside"
          cp -rsT "$linked" "$inside"
          chmod -R u+w "$inside"
        fi
      done
      mkdir -p "$to"
      cp -r --remove-destination ${content file}/. "$to"
      chmod -R u+w "$to"
    else
      cp --remove-destination ${content file} "$out"${escapeShellArg file.to}
    fi
  '' + lib.optionalString (file ? mode) ''
    if [ -d ${content file} ]; then
      echo "container ${container.name}:" ${escapeShellArg file.to} "is a folder, and a mode is for a file: name its files one by one" >&2
      exit 1
    fi
  '';
  link = path: ''
    ln -sfn -- ${escapeShellArg container.links.${path}} "$out"${escapeShellArg path}
  '';

  # Real files, for those who look accounts up without following links.
  account = path: ''
    [ -e "$out"${path} ] || cp ${accounts.${path}} "$out"${path}
  '';

  root = pkgs.buildEnv {
    name = "${container.name}-root";
    # The first one wins where two have a file: the application's own packages.
    paths = packages;
    ignoreCollisions = true;
    pathsToLink = [ "/bin" "/etc" ] ++ lib.concatMap parent (map (file: file.to) container.files ++ attrNames container.links);
    postBuild = lib.concatStrings (map link (attrNames container.links) ++ map put container.files ++ map account (attrNames accounts)) + ''
      program="$out"${escapeShellArg programFile}
      # A link of containers.toml may lead to where only the image has something.
      if ! [ -x "$program" ] && ! { [ -L "$program" ] && ! [ -e "$program" ]; }; then
        echo "container ${container.name}: the entrypoint" ${escapeShellArg programFile} "is no program of the image." >&2
        echo "Its packages ship:" $(ls "$out/bin") >&2
        echo "Set entrypoint to one of them in containers.toml." >&2
        exit 1
      fi
    '';
  };

  # Store paths know no owners and two modes; nix2container sets others while it writes the layer.
  perm = file:
    let
      owner = filter builtins.isString (builtins.split ":" (file.owner or "root"));
      escaped = builtins.replaceStrings [ "." "+" "(" ")" "[" "]" "$" "^" "*" "?" "|" "{" "}" ]
        [ "\\." "\\+" "\\(" "\\)" "\\[" "\\]" "\\$" "\\^" "\\*" "\\?" "\\|" "\\{" "\\}" ] file.to;
    in
    {
      path = root;
      regex = "^${root}${escaped}(/.*)?$";
      mode = if file ? mode then lib.removePrefix "0o" file.mode else "";
      uid = id (builtins.head owner);
      # A user without a group has its own, and a number that is nobody's has root's.
      gid = if builtins.length owner > 1 then id (lib.last owner) else if id (builtins.head owner) == ids.nobody then ids.nogroup else 0;
    };
in
if !bringsAccounts && !builtins.all isAccount parts then
  throw (
    "container `${container.name}`: the image has no user `${container.user}`, only root and nobody; "
    + "give a number (`1000:1000`), or bring an /etc/passwd with `files`"
  )
else
  {
    inherit root;
    program = programFile;
    perms = map perm (filter (file: file ? mode || file ? owner) container.files);
  }
