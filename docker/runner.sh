# Sourced: chooses docker or podman (RUNNER names one), as `command`, and as `options` how it runs an
# image without a network.
runner="${RUNNER:-$(command -v docker >/dev/null && echo docker || echo podman)}"
command=("$runner")
options=(run --rm --interactive --network none)
if [ "$runner" = podman ]; then
  # runc and cgroupfs work inside containers and virtual machines where crun and systemd do not.
  if command -v runc >/dev/null; then command+=(--runtime "$(command -v runc)"); fi
  command+=(--cgroup-manager cgroupfs)
  options+=(--ulimit nofile=20000:20000 --ulimit nproc=20000:20000)
fi
