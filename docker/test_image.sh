#!/usr/bin/env bash
# Runs the pipeline's image as clusters do: not as root, with a read-only root, without a network.
#
#   docker/test_image.sh IMAGE
#
# The whole sample from raw files to a pushed model, every class that a compiled pipeline names, and
# every component's --help. RUNNER names the tool if there are several.
set -euo pipefail

image="${1:?usage: docker/test_image.sh IMAGE}"
runner="${RUNNER:-$(command -v docker >/dev/null && echo docker || echo podman)}"
options=(run --rm --network none --read-only --tmpfs /tmp:rw,mode=1777 --tmpfs /home/xlnet:rw,mode=0777)
command=("$runner")
if [ "$runner" = podman ]; then
  # runc and cgroupfs work inside containers and virtual machines where crun and systemd do not.
  if command -v runc >/dev/null; then command+=(--runtime "$(command -v runc)"); fi
  command+=(--cgroup-manager cgroupfs)
  options+=(--ulimit nofile=20000:20000 --ulimit nproc=20000:20000)
fi
output="$(mktemp -d)"
trap 'rm -rf "$output"' EXIT
chmod 0777 "$output"

in_image() { "${command[@]}" "${options[@]}" --volume "$output:/output" "$image" "$@"; }

echo "the user is not root, its home can be written, the root cannot"
in_image python -c '
import os, pathlib
assert os.getuid() != 0, "runs as root"
pathlib.Path.home().joinpath("probe").write_text("")
try:
    pathlib.Path("/opt/probe").write_text("")
except OSError:
    pass
else:
    raise SystemExit("the root file system can be written")
'
echo "no compiler and no installer is left"
in_image python -c '
import importlib.util, shutil
left = [tool for tool in ("gcc", "g++", "make", "uv") if shutil.which(tool)]
left += [name for name in ("pytest", "ruff") if importlib.util.find_spec(name)]
raise SystemExit(f"left over: {left}" if left else 0)
'
echo "every class that the compiled samples name can be imported"
for preset in sample sample_question_answering sample_pretraining; do
  in_image python -m pipeline.compiled_classes "$preset"
done
echo "every component explains itself"
for name in example_gen tokenization preprocessing.classification preprocessing.question_answering \
  preprocessing.pretraining trainer evaluator checkpoint_conversion; do
  in_image python -m "components.$name" --help >/dev/null
done
echo "the sample, from raw files to a pushed model"
in_image xlnet-pipeline run sample --output /output/run
