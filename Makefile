# SPDX-License-Identifier: GPL-2.0-only
#
# The front door: `make help` lists it. Work is done by the scripts it names
# and by the Makefiles below tools/, tests/ and Documentation/; all that is
# made lands in build/. Rejected: a configure step (there is nothing to choose
# but the kernel), building modules in the tree (see tools/kmod).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := all
TOP := $(CURDIR)

# Which kernel: KERNEL=stock|debug|next, or KDIR=/path/to/headers of any.
# Default: the running kernel if its headers are here and 6.12 or newer.
RUNNING := /lib/modules/$(shell uname -r)/build
ifdef KDIR
KERNEL ?= stock
else ifdef KERNEL
KDIR = $(shell tests/vm/vm fetch $(KERNEL))
else
KERNEL := stock
RECENT := $(shell printf '6.12\n%s\n' "$$(uname -r)" | sort -VC && echo y)
KDIR = $(if $(and $(RECENT),$(wildcard $(RUNNING)/Makefile)),$(RUNNING),$(shell tests/vm/vm fetch stock))
endif

PREFIX ?= /usr/local
DESTDIR ?=
T ?=
USER_OUT := $(TOP)/build/user

# Every user-space part that is there, libraries first.
USER_ALL := tools/libweft tools/libweft-serve tools/gate tools/weft tools/replay tools/check tools/samples/digits \
	tests/abi tests/unit tests/servers tests/selftests tests/fuzz tests/bench
USER_DIRS := $(foreach d,$(USER_ALL),$(if $(wildcard $(d)/Makefile),$(d)))
out = $(USER_OUT)/$(notdir $(1))

##@ Everyday
all: modules tools ## modules and tools

modules: setup-build ## the kernel modules (KERNEL=stock|debug|next or KDIR=...)
	@kdir="$(KDIR)"; [ -n "$$kdir" ] || exit 1; echo "  KMOD    $$kdir"; tools/kmod "$$kdir" $(KARGS)

tools: $(patsubst %,user/%,$(filter tools/%,$(USER_DIRS))) ## libweft, weft and everything else in user space

tests: setup-check $(patsubst %,user/%,$(filter tests/%,$(USER_DIRS))) ## the programs of all tests

# One after the other: several of them build libweft first.
.NOTPARALLEL:
$(USER_DIRS:%=user/%): user/%: setup-build
	@echo "  MAKE    $*"
	@$(MAKE) -s -C $* O=$(call out,$*) all

demo: setup-demo ## watch two tenants share three simulated devices in a guest
	@tests/run --demo

demo-serve: setup-check ## watch tenants share devices that processes serve (downloads ggml; some minutes)
	@tests/run --demo-serve

shell: setup-vm ## a shell in a guest with the modules loaded (KERNEL=debug for the other kernel)
	@tests/run --shell --kernel $(KERNEL)

test: setup-vm ## one test on a fresh guest: make test T=name [KERNEL=stock|debug|next] [ENV=K=V TIMEOUT=S]
	@[ -n "$(T)" ] || { echo "make test T=name; the names:"; tests/run --names; exit 2; }
	@tests/run --test $(T) --kernel $(KERNEL) $(ENV:%=--env %) $(TIMEOUT:%=--timeout %)

##@ Proof
check: setup-check ## every test: native, sanitizers, guests with both kernels, docs
	@tests/run

check-quick: setup-check ## what is quick: native tests, and the guest tests on the stock kernel
	@tests/run --quick

check-next: setup-next ## the tests in guests on Debian's next kernel (downloads a second toolchain)
	@tests/run --next

check-packages: setup-package ## the Debian packages on a booted clean Debian (makes a disk of it once)
	@tests/run --only packages

check-ggml: setup-check ## Debian's ggml programs on weft devices (downloads ggml; some minutes)
	@tools/kmod "$$(tests/vm/vm fetch stock)" > /dev/null
	@tests/run --only ggml --only ggml-guest

check-opencl: setup-opencl ## the executor of weft-serve-opencl on this machine's PoCL
	@tests/run --only opencl

check-gate: setup-check setup-opencl ## unmodified OpenCL programs under weft gate (downloads PoCL; some minutes)
	@tools/kmod "$$(tests/vm/vm fetch stock)" > /dev/null
	@tests/run --only gate

bench: setup-check ## instructions and time per operation, beside the kernel's own scheduler
	@tests/run --bench

bench-sched: setup-check user/tools/replay ## quality of schedules beside rivals' and lower bounds (SEED=1 COUNT=100)
	@tests/bench/yardstick --tools build/user --seed $(or $(SEED),1) --count $(or $(COUNT),100)

fuzz: setup-check ## random ioctls on the debug kernel, then with failing allocations (SECONDS_FUZZ=60)
	@tests/run --only fuzz --only fuzz-alloc --fuzz-seconds $(or $(SECONDS_FUZZ),60)

storm: setup-check ## losses and returns of edu and simulated devices (JOBS=100000 SECONDS=600; long)
	@tests/run --only build
	@tests/edu/run --jobs $(or $(JOBS),100000) --seconds $(or $(SECONDS),600)

mutants: setup-check ## does the native test suite notice small changes? (long)
	@tests/mutants/run --out build/mutants

lint: setup-lint ## warnings, sparse, checkpatch, coccinelle, style, licences
	@tools/lint

docs: setup-docs ## the manual, in build/docs
	@$(MAKE) -C Documentation O=$(TOP)/build/docs all

compile_commands.json: tools/compile-commands FORCE ## for clangd and the like: both halves
	@tools/compile-commands $@

##@ Installing
install: ## modules of the running kernel, tools, manual (DESTDIR, PREFIX)
	@tools/install install "$(KDIR)" "$(DESTDIR)" "$(PREFIX)" $(USER_DIRS)

dkms-deb: setup-package ## Debian packages weft-dkms and weft-tools, in build/deb
	@tools/package

uninstall: ## remove exactly what install put there
	@tools/install uninstall "$(KDIR)" "$(DESTDIR)" "$(PREFIX)"

##@ Sweeping
clean: ## what was built
	@rm -rf build compile_commands.json

distclean: clean ## that, and the cache of kernels and snapshots
	@rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/weft"

# Dependencies, by package name; silent and quick when all are there.
setup-build: ; @tools/setup build vm
setup-vm: ; @tools/setup build vm
setup-demo: ; @tools/setup build vm demo
setup-check: ; @tools/setup build vm check docs lint demo
setup-docs: ; @tools/setup build vm docs
setup-lint: ; @tools/setup build vm lint
setup-next: ; @tools/setup build vm check demo next
setup-opencl: ; @tools/setup build vm opencl
setup-package: ; @tools/setup build vm package

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	/^##@/ { printf "\n%s\n", substr($$0, 5) } \
	/^[a-zA-Z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

FORCE:
.PHONY: all modules tools tests demo demo-serve shell test check check-quick check-next check-packages check-ggml check-opencl \
	check-gate bench bench-sched fuzz storm mutants lint docs install dkms-deb uninstall clean distclean help FORCE $(USER_DIRS:%=user/%) \
	setup-build setup-vm setup-demo setup-check setup-docs setup-lint setup-next setup-opencl setup-package
