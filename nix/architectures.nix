# The architectures, and what each is called: the rows of `src/catalog/architecture.rs`, as far as Nix has to know them.
#   system   Nix's system double           cross   the attribute of `pkgsCross` that builds for it (lib/systems/examples.nix)
#   oci      GOARCH, `architecture` of an OCI config           debian, rust   for `{debian}` and `{rust}` in paths of `files`
#   aliases  what else people write in `targets`
rec {
  all = {
    x86_64 = {
      system = "x86_64-linux";
      cross = "gnu64";
      oci = "amd64";
      debian = "amd64";
      rust = "x86_64-unknown-linux-gnu";
      aliases = [ "x86-64" "x64" ];
    };
    aarch64 = {
      system = "aarch64-linux";
      cross = "aarch64-multiplatform";
      oci = "arm64";
      debian = "arm64";
      rust = "aarch64-unknown-linux-gnu";
      aliases = [ ];
    };
    riscv64 = {
      system = "riscv64-linux";
      cross = "riscv64";
      oci = "riscv64";
      debian = "riscv64";
      rust = "riscv64gc-unknown-linux-gnu";
      aliases = [ ];
    };
    ppc64le = {
      system = "powerpc64le-linux";
      cross = "powernv";
      oci = "ppc64le";
      debian = "ppc64el";
      rust = "powerpc64le-unknown-linux-gnu";
      aliases = [ "powerpc64le" ];
    };
    s390x = {
      system = "s390x-linux";
      cross = "s390x";
      oci = "s390x";
      debian = "s390x";
      rust = "s390x-unknown-linux-gnu";
      aliases = [ ];
    };
    armv7 = {
      system = "armv7l-linux";
      cross = "armv7l-hf-multiplatform";
      oci = "arm";
      debian = "armhf";
      rust = "armv7-unknown-linux-gnueabihf";
      aliases = [ "armv7l" ];
    };
  };

  # In the order in which messages name them.
  names = [ "x86_64" "aarch64" "riscv64" "ppc64le" "s390x" "armv7" ];

  # Our name for an architecture that is called `word` anywhere, or null.
  find =
    word:
    let
      lower = builtins.replaceStrings upperCase lowerCase word;
      called = name: with all.${name}; builtins.elem lower ([ name system oci debian ] ++ aliases);
      found = builtins.filter called names;
    in
    if found == [ ] then null else builtins.head found;

  upperCase = letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lowerCase = letters "abcdefghijklmnopqrstuvwxyz";
  letters = text: builtins.genList (at: builtins.substring at 1 text) (builtins.stringLength text);
}
