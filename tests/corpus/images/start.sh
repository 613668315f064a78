# Wrong images: what they start, as whom, and what their files lead to.
. "$here/common.sh"
# begun NAME: an image with busybox as its shell
begun() { image "$1"; busybox; link busybox usr/bin/sh; link busybox usr/bin/env; }

begun entrypoint-missing; layer; seal "$(start /usr/bin/nothing)"
begun entrypoint-not-on-path; layer; seal "$(start nothing)"
begun entrypoint-off-path; put "$parts/bin/static" opt/tool; layer; seal "$(start tool)"
begun entrypoint-dangling; link /opt/nothing usr/bin/tool; layer; seal "$(start /usr/bin/tool)"
begun entrypoint-not-executable; chmod 644 "$root/usr/bin/busybox"; layer; seal "$(start busybox)"
begun entrypoint-folder; layer; seal "$(start /usr/bin)"
begun entrypoint-loop; link two opt/one; link one opt/two; layer; seal "$(start /opt/one)"
begun entrypoint-empty; : | write usr/bin/tool 755; layer; seal "$(start tool)"
begun entrypoint-removed; layer; : | write usr/bin/.wh.busybox; layer; seal "$(start /usr/bin/busybox)"
begun script-interpreter-missing; echo '#!/bin/bash' | write app/run 755; layer; seal "$(start /app/run)"
begun script-env-missing; echo '#!/usr/bin/env python3' | write app/run 755; layer; seal "$(start /app/run)"
begun script-relative-interpreter; echo '#!usr/bin/sh' | write app/run 755; layer; seal "$(start /app/run)"
begun script-circle; echo '#!/app/b' | write app/a 755; echo '#!/app/a' | write app/b 755; layer; seal "$(start /app/a)"
begun script-on-path-without-interpreter; echo '#!/usr/bin/python3' | write usr/bin/tool 755; layer; seal "$(start sh)"
begun links-dangling
link nothing usr/bin/tool; link nothing.so usr/lib/libx.so.1; link nothing usr/share/doc/x; link b opt/a; link a opt/b; layer; seal "$(start sh)"
begun hard-link-to-nothing
echo | write usr/bin/a; ln "$root/usr/bin/a" "$root/usr/bin/b"; pack; tar --delete -f "$scratch/layer.tar" ./usr/bin/a
tar_layer "$scratch/layer.tar" gzip; seal "$(start sh)"
begun user-unknown; echo 'root:x:0:0:root:/:/bin/sh' | write etc/passwd; layer; seal "$(start sh) | .config.User=\"app\""
begun group-unknown
echo 'app:x:10:10:app:/:/bin/sh' | write etc/passwd; echo 'app:x:10:' | write etc/group; layer; seal "$(start sh) | .config.User=\"app:staff\""
begun user-elsewhere # as systems have it that keep /etc for the administrator
echo 'app:x:10:10:app:/:/bin/sh' | write usr/lib/passwd; link ../usr/lib/passwd etc/passwd; layer; seal "$(start sh) | .config.User=\"app\""
begun entrypoint-of-root; chmod 700 "$root/usr/bin/busybox"; layer; seal "$(start sh) | .config.User=\"1000:1000\""
begun entrypoint-in-roots-folder; put "$parts/bin/static" root/tool; chmod 700 "$root/root"; layer; seal "$(start /root/tool) | .config.User=\"1000\""
begun layer-missing; echo x | write x; layer; rm "$layout/blobs/$(jq -r '.digest | sub(":"; "/")' <<< "${layers[0]}")"; seal "$(start sh)"
begun digest-sha512; layer; seal "$(start sh)" '.layers[0].digest = "sha512:" + ("0123456789abcdef" * 8)'
begun setuid-writable; put "$parts/bin/static" usr/bin/su 4777; layer; seal "$(start sh)"
begun setuid-unusual; put "$parts/bin/static" usr/bin/tool 4755; layer; seal "$(start sh)"
begun writable-to-all; echo | write etc/settings 666; mkdir -p "$root/srv/in"; chmod 777 "$root/srv/in"; mkdir "$root/tmp"; chmod 1777 "$root/tmp"; layer; seal "$(start sh)"
image usr-merge-broken # a later layer's folder /bin takes the place of the link
merged_usr; busybox; layer; put "$parts/bin/static" bin/tool; layer; seal "$(start /usr/bin/busybox)"
begun package-of-another-architecture
write var/lib/dpkg/status.d/hello < "$parts/arm64/hello.control"; printf 'ID=debian\n' | write etc/os-release; layer; seal "$(start sh)"
