#!/usr/bin/env bash
# Installs the real parts that the tests are judged by, and what runs arm64 images, on a Debian machine.
# Needs root (or sudo); CATAMARAN_TESTS_NO_INSTALL=1 leaves the packages alone.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the tests use, and what for. A test that misses one fails and says so.
packages=(
  build-essential        # the C compiler that ring, zstd, xz and libdeflate are built with
  docker-registry        # the registry that images are pushed to
  apache2-utils          # htpasswd, for a registry that wants a password
  skopeo umoci           # second opinions on what was pushed and written
  git                    # a release looks at the state of its repository
  debian-archive-keyring gpgv # what apt trusts, against what we trust
  mmdebstrap dpkg-dev    # a real installation of what was built, from an archive of its packages
  libcap2-bin            # setcap and getcap, against what we read and write of file capabilities
  openssl                # subject hashes of certificates; certificates and tokens of registries
  binutils               # readelf
  zstd                   # decompresses zstd layers
  util-linux             # unshare, to run ldconfig and keytool inside what was built
  qemu-user-static       # runs what was built for other architectures
  docker.io podman       # run images as their users do; engines to load images into and to save them from
  git python3            # a repository, and a TLS server that images clone from
  python3-jsonschema python3-junitparser # what SARIF, JUnit and JSON reports are judged by
  musl-tools jq buildah  # programs and images of the corpus that verify is held against
  python3-yaml python3-venv # runs the workflows of CI systems as they stand in their files; the tools below
  nix-bin shellcheck     # builds what flake.nix defines, and checks its scripts as nixpkgs does
  tmux                   # the dashboard, as its users see it
  zsh fish man-db        # the shells that complete, and what shows manual pages
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ] && [ -z "${CATAMARAN_TESTS_NO_INSTALL:-}" ]; then
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  echo "installing ${missing[*]}" >&2
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# What Debian does not have: `just`, and linters of workflows. Versions are fixed; target/ is where everything goes that is made.
tools=target/tools
wanted="rust-just==1.59.0 zizmor==1.32.0 check-jsonschema==0.39.0"
if [ "$(cat "$tools/installed" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$tools"
  /usr/bin/python3 -m venv "$tools"
  # shellcheck disable=SC2086 # words
  "$tools/bin/pip" install --quiet --disable-pip-version-check $wanted
  echo "$wanted" > "$tools/installed"
fi

# Docker runs arm64 images through this handler. Only tests need it: building never does.
if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] && [ "$(id -u)" = 0 ]; then
  [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
  cat /usr/lib/binfmt.d/qemu-aarch64.conf > /proc/sys/fs/binfmt_misc/register
fi
