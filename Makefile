# Everything a newcomer needs: `make run`, `make test`. `make help` lists the targets.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# Where the sample's run writes: artifacts, metadata, the pushed model.
OUTPUT ?= runs/sample
PRESET ?= sample
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## Make .venv and install what requirements.lock lists

# A pyenv shim named python3.10 may exist and still fail, so every candidate is run.
$(INSTALLED): requirements.lock pyproject.toml
	@python=; \
	for candidate in "$(PYTHON)" python3.10 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.10.*/bin/python3.10 python3 python; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; then \
	    python="$$candidate"; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "error: no Python 3.10 found, on PATH or among pyenv's versions. Install it, or run: make install PYTHON=/path/to/python3.10" >&2; \
	  exit 1; \
	fi; \
	if ! [ -x $(BIN)/uv ]; then \
	  echo "installing into $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9 2>/dev/null; \
	fi; \
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock && \
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . && \
	touch $@

.PHONY: run
run: $(INSTALLED) ## Run the bundled sample from raw files to a pushed model
	@$(BIN)/xlnet-pipeline run $(PRESET) --output $(OUTPUT) $(ARGS)

.PHONY: test
test: $(INSTALLED) ## Run all tests
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: quick
quick: $(INSTALLED) ## Run the tests that need no whole pipeline
	@$(BIN)/python -m pytest -m "not e2e" $(ARGS)

.PHONY: lint
lint: $(INSTALLED) ## Check style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

.PHONY: format
format: $(INSTALLED) ## Format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: lock
lock: $(INSTALLED) ## Resolve the dependencies anew into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --constraint constraints.txt --extra dev --generate-hashes --python $(BIN)/python --custom-compile-command "make lock" --quiet -o requirements.lock

# Targets of docker/Dockerfile: pipeline, trainer-gpu, trainer-tpu, serving, beam-worker, sbom.
TARGET ?= pipeline
IMAGE ?= localhost/xlnet-$(TARGET):local
# Where the tests of images leave the sample's run.
IMAGE_RUN ?= runs/image
# Stand-ins for the base images where no registry can be reached.
LOCAL_BASE := localhost/xlnet-python:3.10
LOCAL_BEAM := localhost/xlnet-beam:local
LOCAL_TARGETS ?= pipeline beam-worker serving

.PHONY: image
image: ## Build an image with docker, podman or buildah: TARGET, IMAGE, BUILD_ARGS
	@docker/build.sh $(TARGET) $(IMAGE) $(BUILD_ARGS)

.PHONY: image-test
image-test: ## Run an image as clusters do, not as root: TARGET, IMAGE (pipeline first)
	@docker/test_image.sh $(TARGET) $(IMAGE) $(IMAGE_RUN)

.PHONY: image-base
image-base: $(INSTALLED) ## Make a base image without a registry (root, debootstrap, buildah)
	@docker/local_base.sh $(LOCAL_BASE) "$$($(BIN)/python -c 'import sys; print(sys.base_prefix)')"
	@docker/local_beam.sh $(LOCAL_BEAM)

.PHONY: image-local
image-local: image-base ## Build and test LOCAL_TARGETS from nothing, without a registry
	@for target in $(LOCAL_TARGETS); do \
	  BUILDER=buildah docker/build.sh $$target localhost/xlnet-$$target:local --pull=never \
	    --build-arg BASE_IMAGE=$(LOCAL_BASE) --build-arg BEAM_IMAGE=$(LOCAL_BEAM) && \
	  RUNNER=podman docker/test_image.sh $$target localhost/xlnet-$$target:local $(IMAGE_RUN) || exit 1; \
	done

.PHONY: clean
clean: ## Remove the runs; the environment stays
	@rm -rf runs
