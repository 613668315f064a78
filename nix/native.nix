# The Linux systems that are built for natively from `system`. A Mac has them in its virtual machine (nix/darwin-builder.nix):
# Linux of its own kind, and x86_64 by Rosetta. Native packages come out of the binary cache; cross-compiled ones do not.
system:
{
  aarch64-darwin = [ "aarch64-linux" "x86_64-linux" ];
  x86_64-darwin = [ "x86_64-linux" ];
}.${system} or [ system ]
