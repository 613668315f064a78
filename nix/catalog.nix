# What containers.toml defines, with every default filled in: the text of the file in, or an error that names all its mistakes.
#
#   base         names of the packages of the base layer
#   registry     `[registry]`, as it stands
#   containers   name → { name, builder, targets (our names), packages (of nixpkgs; null: not for Nix), entrypoint, cmd, env, labels,
#                         user, workdir, expose, volumes, links, files, layers }
text:
let
  architectures = import ./architectures.nix;
  toml = builtins.fromTOML text;
  problems = import ./check.nix toml;

  defaults = toml.defaults or { };
  words = value: if builtins.isString value then [ value ] else value;
  portAndProtocol = port: if builtins.match ".*/.*" port == null then "${port}/tcp" else port;

  container =
    key: value:
    let
      name = value.name or key;
      builder = value.builder or defaults.builder or "debian";
      # A plain list has the names of its own builder; `{ debian = …, nix = … }` is for both.
      packages = if builtins.isAttrs value.packages then value.packages else { ${builder} = value.packages; };
    in
    {
      inherit name builder;
      targets = map architectures.find (value.targets or defaults.targets or [ "x86_64" "aarch64" ]);
      packages = packages.nix or null;
      entrypoint = words (value.entrypoint or name);
      cmd = words (value.cmd or [ ]);
      # A container's own word counts more than the defaults'.
      env = (defaults.env or { }) // (value.env or { });
      labels = (defaults.labels or { }) // (value.labels or { });
      user = value.user or null;
      workdir = value.workdir or null;
      expose = map portAndProtocol (value.expose or [ ]);
      volumes = value.volumes or [ ];
      links = value.links or { };
      files = value.files or [ ];
      layers = value.layers or defaults.layers or null;
    };

  read = map (key: container key toml.containers.${key}) (builtins.attrNames toml.containers);
in
if problems != [ ] then
  throw "containers.toml is not right (`catamaran list` shows where):\n${builtins.concatStringsSep "\n" (map (p: "  - ${p}") problems)}"
else
  {
    base = defaults.base or [ "bash" "coreutils" ];
    registry = toml.registry or { };
    containers = builtins.listToAttrs (map (value: { inherit (value) name; inherit value; }) read);
  }
