# Images as nix2container leaves them, without nixpkgs: /bin/sh builds, a static program is what is in them. Names have a salt, so that
# what an earlier test has built is not there already.
{
  outputs = { self }:
    let
      message = "hello";
      salt = "@salt@";
      system = "@host@-linux";
      sh = name: script: derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [ "-c" "set -e; ${script}" ];
        PATH = "/usr/bin:/bin";
      };
      program = name: sh "program-${name}" ''
        mkdir -p $out/bin
        echo 'int main(void) { return 0; }' > main.c
        gcc -static -o $out/bin/${name} main.c
      '';
      image = name: label: sh "image-${name}-${salt}.json" ''
        echo "measuring ${name}"
        set -- $(python3 ${./ustar.py} ${program name})
        arch=amd64; [ "@host@" = aarch64 ] && arch=arm64
        echo "{\"version\":1,\"image-config\":{\"entrypoint\":[\"${program name}/bin/${name}\"],\"Labels\":{\"message\":\"${label}\"}},
          \"arch\":\"$arch\",\"created\":\"0001-01-01T00:00:00Z\",\"layers\":[{\"digest\":\"$1\",\"size\":$2,\"diff_ids\":\"$1\",
          \"paths\":[{\"path\":\"${program name}\"}],\"mediatype\":\"application/vnd.oci.image.layer.v1.tar\",
          \"History\":{\"created_by\":\"nix2container\"}}]}" > $out
      '';
    in
    {
      packages.${system} = {
        goodContainer-@host@ = image "good" message;
        otherContainer-@host@ = image "other" "constant";
        badContainer-@host@ = sh "image-bad-${salt}.json" "echo 'no luck today' >&2; exit 3";
        slowContainer-@host@ = sh "image-slow-${salt}.json" "echo begun; sleep ${salt}";
        # Nobody builds for that system here.
        farContainer-@host@ = derivation { name = "image-far-${salt}.json"; system = "vax-netbsd"; builder = "/bin/sh"; };
        brokenContainer-@host@ = throw "this one is broken";
      };
      containerMatrix = {
        build = map (container: { inherit container; target = "@host@"; }) [ "bad" "good" "other" "slow" ];
        manifest = [ "bad" "good" "other" "slow" ];
      };
    };
}
