# Right images: what a layer can be.
. "$here/common.sh"

for how in gzip zstd tar; do image "layer-$how"; busybox; layer $how; seal "$(start busybox)"; done
image gzip-members # as pigz and estargz write them, cut anywhere
busybox; pack; split -b 700000 "$scratch/layer.tar" "$scratch/piece."
for piece in "$scratch"/piece.*; do gzip -n1 < "$piece"; done > "$scratch/members"
raw_layer "$scratch/members" $oci.layer.v1.tar+gzip "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"
image zstd-frames
busybox; pack; rm -f "$scratch"/piece.*; split -b 700000 "$scratch/layer.tar" "$scratch/piece."
for piece in "$scratch"/piece.*; do zstd -q1 < "$piece"; done > "$scratch/frames"
raw_layer "$scratch/frames" $oci.layer.v1.tar+zstd "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"

long=$(printf 'd%.0s' {1..90})/$(printf 'e%.0s' {1..90})/$(printf 'f%.0s' {1..90})
for format in pax gnu; do
  image "long-names-$format"
  put "$parts/bin/static" "$long/größe"; link "$long/größe" tool; pack --format=$format; tar_layer "$scratch/layer.tar" gzip
  seal "$(start "/$long/größe")"
done
image pax-times; busybox; pack --format=pax --mtime=@1.5; tar_layer "$scratch/layer.tar" gzip; seal "$(start busybox)"
for version in old-gnu 1.0; do
  image "sparse-$version" # a program with a hole behind it
  put "$parts/bin/static" usr/bin/tool; truncate -s 64M "$root/usr/bin/tool"
  case $version in old-gnu) pack --format=gnu -S ;; *) pack --format=pax -S --sparse-version=$version ;; esac
  tar_layer "$scratch/layer.tar" gzip; seal "$(start tool)"
done
image hard-links
busybox; for name in sh env ls; do ln "$root/usr/bin/busybox" "$root/usr/bin/$name"; done; layer; seal "$(start sh)"
image hard-link-to-lower # what union file systems write when a file gets another name
busybox; layer
python3 - "$scratch/layer.tar" <<'END'
import sys, tarfile
with tarfile.open(sys.argv[1], "w") as tar:
    entry = tarfile.TarInfo("usr/bin/sh"); entry.type, entry.linkname, entry.mode = tarfile.LNKTYPE, "usr/bin/busybox", 0o755
    tar.addfile(entry)
END
tar_layer "$scratch/layer.tar" gzip; seal "$(start sh)"
image empty-layers # Docker's, for instructions that change no file
busybox; layer; tar -cf "$scratch/empty.tar" -T /dev/null
for _ in 1 2; do tar_layer "$scratch/empty.tar" gzip; done; seal "$(start busybox)"
image whiteouts # a dangling command and a folder are taken away again
busybox; link nothing usr/bin/lost; link nothing usr/lib/liblost.so.1; echo | write opt/old/file; layer
: | write usr/bin/.wh.lost; : | write usr/lib/.wh.liblost.so.1; : | write opt/.wh.old; layer; seal "$(start busybox)"
image opaque # a folder is begun anew
busybox; link nothing usr/sbin/lost; layer
: | write usr/sbin/.wh..wh..opq; busybox; mv "$root/usr/bin/busybox" "$root/usr/sbin/"; layer; seal "$(start /usr/sbin/busybox)"
image through-link # a later layer writes below a link: engines follow it
merged_usr; busybox; layer; link busybox usr/bin/sh; layer; seal "$(start /bin/sh)"
