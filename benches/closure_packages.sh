# Sourced by what needs an image of some 200 packages: closure_toml gzip|zstd writes its containers.toml. $target is set before.
packages=(nginx redis python3 postgresql-17 nodejs default-jre-headless git curl ruby php-cli perl sqlite3)
closure_toml() {
  local quoted
  quoted=$(printf '"%s", ' "${packages[@]}")
  cat <<TOML
[defaults]
targets = ["$target"]
base = ["bash", "coreutils"]
compression = "${1:-gzip}"
[containers.closure]
packages = [${quoted%, }]
entrypoint = "bash"
TOML
}
