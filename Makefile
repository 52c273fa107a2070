# Everything runs in .venv; the first target that needs it makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TF := tensorflow-cpu==2.21.0
LITERT := ai-edge-litert==2.3.0
FUZZ_SECONDS ?= 60
PYTEST_ARGS ?= -n 2
STAMP := $(VENV)/.stamp

.PHONY: help demo test test-hosts bench build lint format asan fuzz sanitize aarch64 test-aarch64 wheel docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements-dev.txt
	@command -v $${CXX:-c++} >/dev/null || { echo "A C++17 compiler is needed: apt-get install g++ (or clang)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q $(TF) $(LITERT) -r requirements-dev.txt
	touch $@

build: $(STAMP) ## build the kernels and install opkit into .venv (editable)
	@mkdir -p build
	PATH="$(CURDIR)/$(BIN):$$PATH" flock build/.lock $(BIN)/python -m pip install -q --no-build-isolation --no-deps -e .

demo: build ## the main job on a real model: refusal, convert, int8, parity, accuracy, latency
	$(BIN)/python examples/digits/demo.py

test: build ## the tests (TF 2.21 and LiteRT)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-hosts: build ## the host matrix: TF 2.18 to 2.21 and LiteRT, each in an environment of its own
	$(BIN)/python tests/hosts/run.py

bench: build ## pytest-benchmark suites with peers; JSON and HTML in out/
	$(BIN)/python -m pytest bench $(BENCH_ARGS)

lint: $(STAMP) ## ruff, mypy and clang-format, changing nothing
	$(BIN)/ruff check python tests bench examples
	$(BIN)/ruff format --check python tests bench examples
	$(BIN)/mypy
	git ls-files 'kernels/*.cc' 'kernels/*.h' 'python/*.cc' 'tests/*.cc' 'examples/*.cc' | xargs $(BIN)/clang-format --dry-run -Werror

format: $(STAMP) ## apply ruff and clang-format
	$(BIN)/ruff check --fix -q python tests bench examples
	$(BIN)/ruff format -q python tests bench examples
	git ls-files 'kernels/*.cc' 'kernels/*.h' 'python/*.cc' 'tests/*.cc' 'examples/*.cc' | xargs $(BIN)/clang-format -i

docs: build ## rewrite the generated tables
	$(BIN)/opkit docs

asan: $(STAMP) ## an ASan and UBSan build of the kernels in build/asan
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset asan -DPython_EXECUTABLE="$(CURDIR)/$(BIN)/python"
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset asan

fuzz: asan ## random and hostile calls of every op on the sanitizer build, for FUZZ_SECONDS
	mkdir -p build/fuzz
	cd build/fuzz && ../asan/tests/cpp/fuzz_options --seconds 15
	cd build/fuzz && ../asan/tests/cpp/fuzz_ops --seconds $(FUZZ_SECONDS)

sanitize: asan ## the parity cases on the sanitizer build
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/sanitized.py build/asan tests/test_parity.py -q -k "test_parity and not litert" --budget 100

aarch64: $(STAMP) ## cross-compile for 64-bit Arm, warnings as errors, and fuzz the kernels under QEMU
	@command -v aarch64-linux-gnu-g++ qemu-aarch64 >/dev/null || { echo "Needed: apt-get install g++-aarch64-linux-gnu qemu-user"; exit 1; }
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset aarch64 -DPython_EXECUTABLE="$(CURDIR)/$(BIN)/python"
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset aarch64
	mkdir -p build/fuzz
	cd build/fuzz && qemu-aarch64 -L /usr/aarch64-linux-gnu ../aarch64/tests/cpp/fuzz_options --seconds 10
	cd build/fuzz && qemu-aarch64 -L /usr/aarch64-linux-gnu ../aarch64/tests/cpp/fuzz_ops --seconds 50

test-aarch64: aarch64 ## parity on 64-bit Arm under QEMU, against TensorFlow's own Arm wheel
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/hosts/aarch64.py

wheel: $(STAMP) ## a wheel in dist/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m build --no-isolation --wheel

clean: ## remove builds, keep environments
	rm -rf build dist out
