# Archives of a Docker engine: imported, built, committed, saved.
. "$here/common.sh"
mkdir "$scratch/d"
dockerd --data-root "$scratch/d/data" --exec-root "$scratch/d/exec" --pidfile "$scratch/d/pid" -H "unix://$scratch/d/socket" \
  --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs > "$scratch/d/log" 2>&1 &
engine=$!
trap 'kill $engine; wait $engine || true; rm -rf "$root" "$scratch"' EXIT
export DOCKER_HOST=unix://$scratch/d/socket DOCKER_CONFIG=$scratch/d/config DOCKER_BUILDKIT=0
for _ in {1..100}; do docker version > "$scratch/out" 2>&1 && break; sleep 0.2; done
docker version > "$scratch/out" || { cat "$scratch/d/log" >&2; exit 1; }

busybox; link busybox usr/bin/sh; pack
docker import --change 'ENTRYPOINT ["/usr/bin/sh"]' "$scratch/layer.tar" it:x > "$scratch/out"
docker save -o "$corpus/docker-import.tar" it:x
printf 'FROM it:x\nCOPY static /opt/hello\nENV A=b\nRUN ["busybox", "rm", "/usr/bin/sh"]\nENTRYPOINT ["/opt/hello"]\n' > "$scratch/Dockerfile"
cp "$parts/bin/static" "$scratch/static"
tar -C "$scratch" -c Dockerfile static | docker build --quiet --network none -t built:x - > "$scratch/out"
docker save -o "$corpus/docker-build.tar" built:x
docker save -o "$corpus/docker-save-two.tar" built:x it:x
