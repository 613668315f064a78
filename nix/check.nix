# What is wrong with a containers.toml, one sentence each; an empty list when nothing is.
#
# These are the rules of `src/catalog` as far as the outputs depend on them. The program says more: file, line, column and a
# suggestion for every mistake (`catamaran list`).
toml:
let
  architectures = import ./architectures.nix;
  keys = import ./keys.nix;
  inherit (builtins) all attrNames attrValues concatMap concatStringsSep elem filter isAttrs isInt isList isString length match;

  quoted = words: concatStringsSep ", " (map (word: "`${word}`") words);
  shown = value: if isString value then "`${value}`" else "a ${builtins.typeOf value}";
  when = wrong: sentence: if wrong then [ sentence ] else [ ];
  matches = regex: value: isString value && match regex value != null;
  # The problems of `table.key`, when it is there.
  of = table: key: problems: if table ? ${key} then problems table.${key} else [ ];
  each = list: problem: if isList list then concatMap problem list else [ ];

  unknown = where: table: known:
    concatMap (key: when (!elem key known) "unknown key `${key}` in ${where}; known here are ${quoted known}") (attrNames table);
  table = where: value: known: problems:
    if isAttrs value then unknown where value known ++ problems else [ "${where} must be a table" ];

  text = what: value: when (!isString value) "${what} must be a string, and is a ${builtins.typeOf value}";
  texts = what: value: when (!(isList value && all isString value)) "${what} must be an array of strings";
  words = what: value: when (!(isString value || isList value && all isString value)) "${what} must be a string or an array of strings";
  map' = what: value: when (!(isAttrs value && all isString (attrValues value))) "${what} must be a table of strings";
  list = what: example: rule: value:
    texts what value
    ++ each value (item: when (isString item && !rule item) "${what}: `${item}` cannot stand there; for example ${example}");

  absolute = path: matches "/.*" path && !matches ".*/(\\.|\\.\\.|)(/.*)?" "${path}/x" || path == "/";
  variable = matches "[A-Za-z_][A-Za-z0-9_]*";
  port = matches "[1-9][0-9]{0,4}(/(tcp|udp|sctp))?";
  person = "([0-9]+|[a-z_][a-z0-9_-]{0,31})";
  user = matches "${person}(:${person})?";
  attribute = matches "[A-Za-z_][A-Za-z0-9_'-]*(\\.[A-Za-z_][A-Za-z0-9_'-]*)*";

  # What `[defaults]` and a container have in common.
  common = where: value:
    of value "builder" (builder: when (!elem builder [ "debian" "nix" ]) "${where}: the builder is `debian` or `nix`, not ${shown builder}")
    ++ of value "targets" (targets: texts "${where}: `targets`" targets ++ targetProblems where targets)
    ++ of value "layers" (n: when (!(isInt n && n >= 2 && n <= 100)) "${where}: `layers` is a number from 2 to 100")
    ++ of value "env" (env: map' "${where}: `env`" env ++ concatMap (variableProblems where) (if isAttrs env then attrNames env else [ ]))
    ++ of value "labels" (map' "${where}: `labels`")
    ++ of value "annotations" (map' "${where}: `annotations`");

  variableProblems = where: name:
    when (name == "PATH") "${where}: `PATH` is set by Catamaran; an entrypoint elsewhere is written with its whole path"
    ++ when (!variable name) "${where}: `${name}` is not the name of an environment variable";

  targetProblems = where: targets:
    let
      named = filter isString (if isList targets then targets else [ ]);
      found = filter (name: name != null) (map architectures.find named);
    in
    when (targets == [ ]) "${where}: `targets` is empty; for example [\"x86_64\", \"aarch64\"]"
    ++ concatMap
      (word: when (architectures.find word == null) "${where}: unknown architecture `${word}`; known are ${quoted architectures.names}")
      named
    ++ concatMap
      (name: when (length (filter (other: other == name) found) > 1) "${where}: `targets` names ${name} twice")
      (filter (name: elem name found) architectures.names);

  container = key: value:
    let
      where = "[containers.${key}]";
      name = value.name or key;
      builder = value.builder or toml.defaults.builder or "debian";
      packages = value.packages or null;
      packageProblems =
        if packages == null then
          [ "${where} has no packages; say what to install: packages = [\"ripgrep\"]" ]
        else if isAttrs packages then
          unknown "`packages` of ${where}" packages keys.packages
          ++ of packages "debian" (texts "${where}: `packages.debian`")
          ++ of packages "nix" (list "${where}: `packages.nix`" "`ripgrep` or `python3Packages.requests`" attribute)
          ++ when ((packages.${builder} or [ ]) == [ ]) "${where} has no packages for the ${builder} builder"
        else
          (if builder == "nix" then list "${where}: `packages`" "`ripgrep` or `python3Packages.requests`" attribute packages
           else texts "${where}: `packages`" packages)
          ++ when (packages == [ ]) "${where} has no packages for the ${builder} builder";
      entrypoint = value.entrypoint or name;
      command = if isList entrypoint && entrypoint != [ ] then builtins.head entrypoint else entrypoint;
    in
    table where value keys.container (
      when (!matches "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*" name)
        "${where}: ${shown name} cannot be a container's name: lower-case letters and digits, with `.`, `_`, `-` between them"
      ++ packageProblems
      ++ common where value
      ++ of value "entrypoint" (words "${where}: `entrypoint`")
      ++ when (!(matches "/.*" command || matches "[^/[:space:]]+" command))
        "${where}: the entrypoint ${shown command} is neither a command nor an absolute path"
      ++ of value "cmd" (words "${where}: `cmd`")
      ++ of value "user" (u: when (!user u) "${where}: ${shown u} is not a user; for example `1000:1000`")
      ++ of value "workdir" (path: when (!absolute path) "${where}: `workdir` must be a plain absolute path")
      ++ of value "expose" (list "${where}: `expose`" "`8080/tcp`" port)
      ++ of value "volumes" (list "${where}: `volumes`" "`/data`" absolute)
      ++ of value "links" (links: map' "${where}: `links`" links
        ++ each (if isAttrs links then attrNames links else [ ])
          (path: when (!absolute path) "${where}: the link `${path}` must be a plain absolute path"))
      ++ of value "files" (files: if isList files then concatMap (file where) files else [ "${where}: `files` must be an array of tables" ])
    );

  file = where: value:
    table "`files` of ${where}" value keys.file (
      when (!absolute (value.to or null)) "${where}: an entry of `files` needs a plain absolute path `to`"
      ++ when (value ? from == value ? text) "${where}: an entry of `files` needs either `from` or `text`"
      ++ of value "from" (text "${where}: `from`")
      ++ of value "text" (text "${where}: `text`")
      ++ of value "mode" (mode: when (!matches "(0o)?[0-7]{3,4}" mode) "${where}: ${shown mode} is not a file mode; for example `0644`")
      ++ of value "owner" (owner: when (!user owner) "${where}: ${shown owner} is not a user; for example `1000:1000`")
    );

  containers = if isAttrs (toml.containers or null) then toml.containers else { };
  called = map (key: containers.${key}.name or key) (filter (key: isAttrs containers.${key}) (attrNames containers));
in
unknown "containers.toml" toml keys.root
++ of toml "defaults" (defaults: table "[defaults]" defaults keys.defaults (
  common "[defaults]" defaults ++ of defaults "base" (texts "[defaults]: `base`")
))
++ of toml "nix" (nix: table "[nix]" nix keys.nix [ ])
++ when (containers == { }) "containers.toml defines no containers; for example [containers.rg] with packages = [\"ripgrep\"]"
++ concatMap (key: container key containers.${key}) (attrNames containers)
++ concatMap
  (key: when (length (filter (name: name == containers.${key}.name or key) called) > 1)
    "[containers.${key}]: two containers are called ${shown (containers.${key}.name or key)}")
  (filter (key: isAttrs containers.${key}) (attrNames containers))
