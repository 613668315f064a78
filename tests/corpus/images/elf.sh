# Wrong images: ELF files.
. "$here/common.sh"
arm64=$parts/arm64/libc6/usr/lib/aarch64-linux-gnu

image arm64-says-config; busybox; layer; seal "$(start busybox) | .architecture=\"arm64\""
image arm64-in-amd64; busybox; busybox arm64; mv "$root/usr/bin/busybox" "$root/usr/bin/tool"; busybox; layer; seal "$(start busybox)"
image foreign-entrypoint; busybox arm64; layer; seal "$(start busybox)"
image foreign-library-in-layer-3
libc; layer; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; put "$arm64/libm.so.6" usr/lib/x86_64-linux-gnu/libm.so.6; layer
seal "$(start hello)"
image foreign-hidden # every layer counts, also what a later one removes
busybox; put "$arm64/libm.so.6" usr/lib/libm.so.6; layer; : | write usr/lib/.wh.libm.so.6; layer; seal "$(start busybox)"
image foreign-hidden-opaque
busybox; put "$arm64/libm.so.6" opt/old/libm.so.6; layer; : | write opt/old/.wh..wh..opq; layer; seal "$(start busybox)"
image mips-big-endian; busybox; put "$parts/all/libc6-mips-cross/usr/mips-linux-gnu/lib/libm.so.6" usr/lib/libm.so.6 644; layer; seal "$(start busybox)"
image s390x-in-amd64; busybox; put "$parts/s390x/busybox-static/usr/bin/busybox" usr/bin/big; layer; seal "$(start busybox)"
image i386-in-amd64; busybox; put "$parts/amd64/libc6-i386/usr/lib32/ld-linux.so.2" usr/bin/small; layer; seal "$(start small)"
image i386-only; put "$parts/amd64/libc6-i386/usr/lib32/ld-linux.so.2" usr/bin/small; layer; seal "$(start small)"
image elf-truncated # the header is cut
busybox; head -c 40 "$parts/bin/static" | write usr/bin/cut 755; layer; seal "$(start busybox)"
image elf-half # as a download leaves it that broke off
head -c 5000 "$parts/bin/static" | write usr/bin/tool 755; layer; seal "$(start tool)"
# patch FILE OFFSET BYTES PATH: a copy with other bytes at the offset
patch() { put "$1" "$4"; printf "$3" | dd of="$root/$4" bs=1 seek="$2" conv=notrunc status=none; }
image elf-offsets-lie # e_phoff far beyond the file
busybox; patch "$parts/bin/static" 32 '\xff\xff\xff\xff\xff\xff\xff\x7f' usr/bin/liar; layer; seal "$(start busybox)"
image elf-class-lies; busybox; patch "$parts/bin/static" 4 '\x01' usr/bin/small; layer; seal "$(start busybox)"
image elf-order-lies; busybox; patch "$parts/bin/static" 5 '\x02' usr/bin/big; layer; seal "$(start busybox)"
image elf-object-as-entrypoint; put "$parts/bin/object.o" usr/bin/tool; layer; seal "$(start tool)"

image loader-missing; merged_usr; put "$parts/amd64/libc6/usr/lib/x86_64-linux-gnu/libc.so.6" usr/lib/x86_64-linux-gnu/libc.so.6
put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; seal "$(start hello)"
image loader-of-musl-missing; libc; put "$parts/bin/musl" usr/bin/hello; layer; seal "$(start hello)"
image loader-foreign; libc; rm "$root/usr/lib64/ld-linux-x86-64.so.2"; put "$arm64/ld-linux-aarch64.so.1" usr/lib64/ld-linux-x86-64.so.2
put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; seal "$(start hello)"
image loader-not-executable; libc; chmod 644 "$root/usr/lib64/ld-linux-x86-64.so.2"; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; seal "$(start hello)"
image loader-behind-folder # a later layer's folder replaces the link /lib64
libc; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; mkdir "$root/lib64"; echo | write lib64/file; layer; seal "$(start hello)"

image library-missing; libc; put "$parts/bin/greeter" usr/bin/greeter; layer; seal "$(start greeter)"
image library-foreign # it is there for arm64 only
libc; put "$parts/bin/greeter" usr/bin/greeter; put "$arm64/libm.so.6" usr/lib/x86_64-linux-gnu/libgreet.so.1 644; layer; seal "$(start greeter)"
image library-elsewhere; libc; put "$parts/bin/greeter" usr/bin/greeter; put "$parts/bin/libgreet.so.1" opt/greet/libgreet.so.1 644; layer; seal "$(start greeter)"
image library-removed; libc; put "$parts/bin/greeter" usr/bin/greeter; put "$parts/bin/libgreet.so.1" usr/lib/libgreet.so.1 644; layer
: | write usr/lib/.wh.libgreet.so.1; layer; seal "$(start greeter)"
image plugin-without-library; libc; put "$parts/amd64/dash/usr/bin/dash" usr/bin/dash; put "$parts/bin/plugin.so" usr/lib/tool/plugin.so 644; layer; seal "$(start dash)"
