# `make` prints what there is. Every target sets up what it needs and is quick when nothing changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILD_REQUIRES = $(shell sed -n '/^requires = \[/,/^\]/s/^ *\(".*"\),/\1/p' pyproject.toml)
SOURCES = $(shell find core cython bindings_c ! -name __pycache__)
PYTEST_ARGS ?=
# What the core is built with, e.g. BUILD_ARGS="-C cmake.define.PLAIT_SANITIZE=thread"
BUILD_ARGS ?=

.PHONY: help demo test lint bench build cuda wheel leaks sanitize clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    train LeNet on Fashion-MNIST (DATA=digits: scikit-learn's digits)"
	@echo "make test    build and run all tests (PYTEST_ARGS='-k softmax' for some)"
	@echo "make build   build into $(VENV) as an editable install"
	@echo "make cuda    kernels for NVIDIA's devices, with nvcc (CUDA_ARGS=-DCMAKE_CUDA_ARCHITECTURES=90)"
	@echo "make lint    formatters, linters and the tests of the layout"
	@echo "make bench   time the fixed list of operations, write bench.json"
	@echo "make leaks   programs in C and C++ and the R tests under valgrind (an hour)"
	@echo "make sanitize  C++ tests with the address and undefined-behaviour sanitizers"
	@echo "make wheel   a wheel in dist/"
	@echo "make clean   remove what was built, keep $(VENV)"

$(VENV)/.created:
	@echo "== system packages and $(VENV)"
	.ci/system-packages build $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.requirements: pyproject.toml $(VENV)/.created
	@echo "== build requirements"
	$(BIN)/python -m pip install --quiet $(BUILD_REQUIRES)
	@touch $@

$(VENV)/.built: $(SOURCES) $(VENV)/.requirements
	@echo "== build plait (the first time takes minutes)"
	$(BIN)/python -m pip install --quiet --no-build-isolation \
	  -C cmake.define.PLAIT_BUILD_TESTS=ON $(BUILD_ARGS) -e '.[test,demo]'
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.built
	@echo "== linters"
	$(BIN)/python -m pip install --quiet $$(sed -n '/^lint = /s/^lint = \[\(.*\)\]/\1/p' pyproject.toml | tr -d ',"')
	@touch $@

$(VENV)/.r: pyproject.toml $(VENV)/.created
	@echo "== R and what its tests need"
	.ci/system-packages test $(PYTHON)
	! command -v R >/dev/null || $(BIN)/python -m pip install --quiet \
	  $$(sed -n '/^r = /s/^r = \[\(.*\)\].*/\1/p' pyproject.toml | tr -d ',"')
	@touch $@

build: $(VENV)/.built

cuda: $(VENV)/.built
	$(BIN)/cmake -S core -B build/cuda -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python -DPLAIT_PYTHON=OFF -DPLAIT_CUDA=ON $(CUDA_ARGS)
	$(BIN)/cmake --build build/cuda --target plait_cuda
	cp build/cuda/kernels/cuda/real/libplait_cuda.so "$$($(BIN)/python -c \
	  'import plait.libinfo as i; import os; print(os.path.dirname(i.find_lib_path()[0]))')"

demo: $(VENV)/.built
	.ci/system-packages demo $(PYTHON)
	$(BIN)/python examples/python/fashion_mnist.py $(if $(DATA),--data $(DATA))

test: $(VENV)/.built $(VENV)/.r
	$(BIN)/pytest -n auto $(PYTEST_ARGS)

lint: $(VENV)/.lint
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pre-commit run --all-files

bench: $(VENV)/.built
	$(BIN)/python tests/bench/run.py --out bench.json

leaks: $(VENV)/.built $(VENV)/.r
	$(BIN)/python tests/c/leaks.py
	$(BIN)/python tests/r/leaks.py

sanitize: $(VENV)/.requirements
	$(BIN)/cmake -S core -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python -DPLAIT_SANITIZE=address,undefined \
	  -DPLAIT_PYTHON=OFF -DPLAIT_BUILD_TESTS=ON
	$(BIN)/cmake --build build/sanitize --target plait_tests
	ASAN_OPTIONS=allocator_may_return_null=1 build/sanitize/plait_tests

wheel: $(VENV)/.requirements
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps -w dist .

clean:
	rm -rf build dist bench.json $(VENV)/.built
