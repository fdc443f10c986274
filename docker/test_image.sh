#!/usr/bin/env bash
# Runs an image as clusters do: not as root, with a read-only root, without a network.
#
#   docker/test_image.sh TARGET IMAGE FOLDER
#
# TARGET is one of docker/Dockerfile's. FOLDER gets the sample's run of the target `pipeline`; the
# targets trainer-gpu, trainer-tpu and serving train with its records and ask its model. RUNNER names
# the tool if there are several.
set -euo pipefail

usage="usage: docker/test_image.sh TARGET IMAGE FOLDER"
target="${1:?$usage}"
image="${2:?$usage}"
output="${3:?$usage}"
mkdir -p "$output"
chmod 0777 "$output"
output="$(cd "$output" && pwd -P)"
. "$(dirname "$0")/runner.sh"
confined=("${options[@]}" --read-only --tmpfs /tmp:rw,mode=1777 --tmpfs /home/xlnet:rw,mode=0777)

# z: where SELinux is on, containers may otherwise not touch the folder.
in_image() { "${command[@]}" "${confined[@]}" --entrypoint "" --volume "$output:/output:z" "$image" "$@"; }

# What the image's user has made belongs to nobody here; whoever called this may delete it.
release() {
  in_image bash -c 'find /output -mindepth 1 -user "$(id -u)" -exec chmod a+rwX {} +'
}

check_home() {
  echo "whichever user a cluster chooses can write to the home"
  "${command[@]}" "${options[@]}" --entrypoint "" --user 12345:0 "$image" \
    python -c 'import pathlib; pathlib.Path.home().joinpath("probe").touch()'
}

check_confinement() {
  echo "the user is not root, the root file system cannot be written; no compiler is left"
  in_image python - <<'PYTHON'
import importlib.util
import os
import pathlib
import shutil

if os.getuid() == 0:
    raise SystemExit("runs as root")
try:
    pathlib.Path("/opt/probe").write_text("")
except OSError:
    pass
else:
    raise SystemExit("the root file system can be written")
left = [tool for tool in ("gcc", "g++", "make", "uv") if shutil.which(tool)]
left += [name for name in ("pytest", "ruff") if importlib.util.find_spec(name)]
if left:
    raise SystemExit(f"left over: {left}")
PYTHON
}

check_compiled_classes() {
  echo "every class that the compiled samples name can be imported"
  for preset in "$@"; do in_image python -m pipeline.compiled_classes "$preset" >/dev/null; done
}

check_helps() {
  echo "every component in it explains itself"
  for name in "$@"; do in_image python -m "components.$name" --help >/dev/null; done
}

check_training() {
  echo "four updates with the sample's records"
  in_image python -m components.trainer classification \
    --records "$(in_run artifacts/ClassificationPreprocessor/transformed_examples)" \
    --config /output/fine_tuning.json --model-dir "/tmp/model"
}

# The newest of the numbered folders under a folder of the sample's run, as the image sees it.
in_run() {
  local newest
  newest="$(find "$output/run/$1" -mindepth 1 -maxdepth 1 -name '[0-9]*' | sort -V | tail -1)"
  if [ -z "$newest" ]; then
    echo "error: $output holds no run of the sample; test the target pipeline first" >&2
    exit 1
  fi
  echo "/output${newest#"$output"}"
}

test_pipeline() {
  check_compiled_classes sample sample_question_answering sample_pretraining
  check_helps example_gen tokenization preprocessing.classification \
    preprocessing.question_answering preprocessing.pretraining trainer evaluator \
    checkpoint_conversion
  echo "the sample, from raw files to a pushed model"
  in_image xlnet-pipeline run sample --output /output/run
  in_image python - >"$output/fine_tuning.json" <<'PYTHON'
from components import configuration
from pipeline import preset_loader
from pipeline.kinds.classification import graph

config = preset_loader.load("sample", ["training.train_steps=4", "training.warmup_steps=1"])
print(configuration.to_json(graph.fine_tuning(config)))
PYTHON
}

test_trainer_gpu() {
  check_compiled_classes sample
  check_helps trainer
  echo "CUDA's libraries are those that this TensorFlow was built with"
  in_image python - <<'PYTHON'
import ctypes
import importlib.metadata
import pathlib

import tensorflow as tf

build = tf.sysconfig.get_build_info()
if not build["is_cuda_build"]:
    raise SystemExit("TensorFlow was built without CUDA")
libraries = [
    pathlib.Path(file.locate())
    for distribution in importlib.metadata.distributions()
    if distribution.metadata["Name"].startswith("nvidia-")
    for file in distribution.files
    if ".so" in file.name
]
named = {f"libcudart.so.{build['cuda_version'].partition('.')[0]}"}
named.add(f"libcudnn.so.{build['cudnn_version'].partition('.')[0]}")
missing = named - {library.name for library in libraries}
if missing:
    raise SystemExit(f"missing: {sorted(missing)}")
for library in libraries:
    if library.name in named:
        ctypes.CDLL(str(library))
print(f"{len(libraries)} libraries; CUDA {build['cuda_version']}, cuDNN {build['cudnn_version']}")
PYTHON
  check_training
}

test_trainer_tpu() {
  check_helps trainer
  echo "TensorFlow for TPUs with its libtpu, no TFX"
  in_image python - <<'PYTHON'
import importlib.util

import tensorflow as tf

found = [name for name in ("tfx", "kfp", "tensorflow_transform") if importlib.util.find_spec(name)]
if found:
    raise SystemExit(f"holds {found}")
if not importlib.util.find_spec("libtpu"):
    raise SystemExit("libtpu is missing")
print(f"TensorFlow {tf.__version__}, {tf.raw_ops.ConfigureDistributedTPU.__name__} is there")
PYTHON
  check_training
}

test_serving() {
  local model
  model="$(in_run serving)"
  echo "answers a text from standard input, and over HTTP"
  echo "A fine film." | in_image xlnet-pipeline predict "$model" -
  in_image python - "$model" <<'PYTHON'
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

server = subprocess.Popen(["xlnet-pipeline", "serve", sys.argv[1]])
body = json.dumps({"instances": [{"text_a": "A fine film.", "text_b": ""}]}).encode()
request = urllib.request.Request("http://127.0.0.1:8501/v1/models/xlnet:predict", data=body)
deadline = time.monotonic() + 120
try:
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                print(response.read().decode())
            break
        except urllib.error.URLError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(1)
finally:
    server.terminate()
    server.wait()
PYTHON
}

test_beam_worker() {
  check_helps example_gen
  echo "its boot program starts workers for a job server, and they make examples"
  printf 'patterns: {train: train.json, eval: dev.json}\n' >"$output/squad.yaml"
  in_image bash -euc '
    python -m apache_beam.runners.portability.local_job_service_main --port=8099 2>/tmp/server.log &
    /opt/apache/beam/boot --worker_pool >/tmp/boot.log 2>&1 &
    data="$(python -c "import pipeline; print(pipeline.__path__[0])")/sample_data/question_answering"
    for port in 8099 50000; do
      until (: >"/dev/tcp/localhost/$port") 2>/dev/null; do sleep 1; kill -0 %1 %2; done
    done
    python -m components.example_gen squad --config /output/squad.yaml --data-root "$data" \
      --examples /tmp/examples --beam-arg=--sdk_container_image=unused \
      --beam-arg=--runner=components.orchestration.cluster_runner.ClusterRunner \
      --beam-arg=--job_endpoint=localhost:8099 \
      --beam-arg=--environment_type=EXTERNAL --beam-arg=--environment_config=localhost:50000 ||
      { tail -n 50 /tmp/boot.log /tmp/server.log; exit 1; }
    grep "Starting worker" /tmp/boot.log
    grep "Python sdk harness starting" /tmp/server.log
  '
}

case "$target" in
  pipeline | trainer-gpu | trainer-tpu | serving | beam-worker)
    check_home
    check_confinement
    trap release EXIT
    "test_${target//-/_}"
    ;;
  *) echo "error: nothing to run in the target $target" >&2; exit 1 ;;
esac
echo "$target holds"
