# Everything a newcomer needs: `make run`, `make test`. `make help` lists the targets.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PRESET ?= sample
# Where the run writes: artifacts, metadata, the pushed model. Left out, the preset says where.
OUTPUT ?=
ARGS ?=
# Processes of the tests, each of which grows to 7 GB. A file's tests stay in one process, and files
# keep their order, because the whole pipelines would otherwise come last, one after the other. With
# a new process for one that died, pytest would wait for ever.
JOBS ?= 2
PYTEST = $(BIN)/python -m pytest --numprocesses $(JOBS) --max-worker-restart 0 \
  --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## Make .venv for this system, if it is not there: STACK, PYTHON
	@./install.sh

.PHONY: run
run: install ## Run the bundled sample, or PRESET, from raw files to a pushed model: PRESET, OUTPUT, ARGS
	@$(BIN)/xlnet-pipeline run $(PRESET) $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

.PHONY: test
test: install ## Run all tests: JOBS, ARGS
	@$(PYTEST) $(ARGS)

.PHONY: quick
quick: install ## Run the tests that need no whole pipeline
	@$(PYTEST) -m "not e2e" $(ARGS)

# With transformers and torch, as far as the tests' comparisons with them need it.
PEER := .peer

.PHONY: peer
peer: install ## Install transformers beside .venv (5 GB); the tests then compare with it
	@scripts/install_beside.sh $(PEER) $(BIN)/python .ci/transformers.lock

# JAX and libtpu, for Linux on x86-64 and Python 3.11 or newer, which need not be .venv's.
PREFLIGHT := .preflight

.PHONY: preflight-tools
preflight-tools: install ## Install the TPU's compiler beside .venv (1.1 GB), for preflight --compile
	@scripts/install_beside.sh $(PREFLIGHT) ">=3.11,<3.14" docker/locks/preflight-tools.lock

.PHONY: lint
lint: install ## Check style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/ruff check --select E9,F,W6 --target-version py313 .

.PHONY: format
format: install ## Format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

# Keeps the versions that still fit; ARGS=--upgrade looks for newer ones.
COMPILE = . scripts/uv_settings.sh && $(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --custom-compile-command "make lock" $(ARGS)
# The images are Debian 13 with Python 3.13.
COMPILE_IMAGE = $(COMPILE) --python-version 3.13 --python-platform x86_64-manylinux_2_40

.PHONY: lock
lock: install ## Resolve the dependencies of both stacks and of the images anew
	@$(COMPILE) --universal --fork-strategy requires-python --python-version 3.10 \
	  --constraint constraints.txt --extra dev pyproject.toml -o requirements.lock
	@$(COMPILE_IMAGE) --constraint requirements.lock pyproject.toml -o docker/locks/pipeline.lock
	@$(COMPILE_IMAGE) --constraint requirements.lock docker/locks/serving.in -o docker/locks/serving.lock
	@$(COMPILE_IMAGE) --constraint requirements.lock docker/locks/trainer-gpu.in -o docker/locks/trainer-gpu.lock
	@$(COMPILE_IMAGE) docker/locks/trainer-tpu.in -o docker/locks/trainer-tpu.lock
	@$(COMPILE) --universal --python-version 3.11 docker/locks/preflight-tools.in -o docker/locks/preflight-tools.lock
	@$(COMPILE) --universal --python-version 3.10 .ci/transformers.in -o .ci/transformers.lock
	@$(COMPILE) --universal --python-version 3.10 docker/locks/build.in -o docker/locks/build.lock
	@echo uv | { $(COMPILE) --universal --python-version 3.10 - -o docker/locks/uv.lock; }

# Targets of docker/Dockerfile: pipeline, trainer-gpu, trainer-tpu, serving, beam-worker, sbom.
TARGET ?= pipeline
IMAGE ?= localhost/xlnet-$(TARGET):local
# Where the tests of images leave the sample's run.
IMAGE_RUN ?= runs/image
# Stands in for the base image where no registry can be reached.
LOCAL_BASE := localhost/xlnet-python:3.13
LOCAL_TARGETS ?= pipeline beam-worker serving

.PHONY: image
image: ## Build an image with docker, podman or buildah: TARGET, IMAGE, BUILD_ARGS
	@docker/build.sh $(TARGET) $(IMAGE) $(BUILD_ARGS)

.PHONY: image-test
image-test: ## Run an image as clusters do, not as root: TARGET, IMAGE (pipeline first)
	@docker/test_image.sh $(TARGET) $(IMAGE) "$(IMAGE_RUN)"

.PHONY: sbom
sbom: ## List what an image holds, as CycloneDX, in dist/: TARGET, IMAGE
	@docker/sbom.sh $(IMAGE) dist/sbom-$(TARGET).json

.PHONY: image-base
image-base: ## Make a base image without a registry (root, debootstrap, buildah)
	@docker/local_base.sh $(LOCAL_BASE)

.PHONY: image-local
image-local: image-base ## Build and test LOCAL_TARGETS from nothing, without a registry
	@for target in $(LOCAL_TARGETS); do \
	  BUILDER=buildah docker/build.sh $$target localhost/xlnet-$$target:local --pull=never \
	    --build-arg BASE_IMAGE=$(LOCAL_BASE) && \
	  RUNNER=podman docker/test_image.sh $$target localhost/xlnet-$$target:local "$(IMAGE_RUN)" || exit 1; \
	done

.PHONY: prove
prove: run ## Show every promise by its tests and commands, into docs/proof.md: QUICK=1
	@$(BIN)/python -m benchmarks.prove $(if $(QUICK),--quick)

.PHONY: wheel
wheel: install ## Build the wheel into dist/; the same commit gives the same bytes
	@scripts/build_wheel.sh

.PHONY: clean
clean: ## Delete runs/ without asking: all outputs, checkpoints and pushed models
	@rm -rf runs
