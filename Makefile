# datos: builds two programs, tests them, runs the whole system.
# `make help` lists the targets. VARIANT=release|debug|asan|tsan|cov; each
# variant has a folder of its own, so no flags are ever stale.

VARIANT ?= release
BUILD ?= build
B := $(BUILD)/$(VARIANT)
VERSION := 0.1.0
# A build outside git (an image) is told its commit: make COMMIT=...
COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

# V=1 shows whole command lines
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $1 $(subst $(BUILD)/,,$2))
# the outermost alone: the others share its job server
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

FLAGS.release := -O2 -D_FORTIFY_SOURCE=2
FLAGS.debug := -O0
FLAGS.asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.tsan := -O1 -fsanitize=thread
FLAGS.cov := -O0 --coverage
FLAGS.fuzz := -O1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
ifeq ($(VARIANT),fuzz)
CC := clang
endif
FLAGS := $(or $(FLAGS.$(VARIANT)),$(error unknown VARIANT '$(VARIANT)': use release, debug, asan, tsan, cov or fuzz))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wformat=2 -Wvla -Wno-missing-field-initializers
ifneq ($(filter 1 true,$(WERROR) $(CI)),)
WARN += -Werror
endif

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -g3 -fno-omit-frame-pointer \
             -fstack-protector-strong -fPIE -pthread $(WARN) $(FLAGS) \
             -iquote src -iquote . -iquote $(B)/gen -iquote $(B)/gen/proto $(CFLAGS)
ALL_LDFLAGS = $(FLAGS) -pie -pthread -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)

# --- modules: a folder each, an archive each ------------------------------
MODULES := src/common src/config src/schema src/http src/grpc src/net src/auth \
           src/admin src/store src/pubsub src/ingest src/api src/cli src/dev cache \
           emulator emulator/pubsub emulator/identity emulator/bigquery \
           emulator/bigquery/sql emulator/proto
lib = $(B)/lib/$(subst /,-,$1).a
srcs = $(filter-out %/main.c,$(wildcard $1/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call srcs,$1))

# What each program links. Order is from user to used.
DATOS_MODULES := src/dev src/cli src/api src/ingest src/admin src/store src/pubsub cache \
                 src/auth src/net src/schema src/http src/config src/common
EMULATOR_MODULES := emulator emulator/pubsub emulator/identity emulator/bigquery \
                    emulator/bigquery/sql emulator/proto src/net src/grpc src/schema src/http src/common

# hiredis speaks TLS from Debian 13 on; without it rediss:// is refused
ifneq ($(shell pkg-config --exists hiredis_ssl 2>/dev/null && echo yes),)
ALL_CFLAGS += -DDATOS_REDIS_TLS
REDIS_TLS := -lhiredis_ssl -lssl
endif
LIBS_datos := -levent_core $(REDIS_TLS) -lhiredis -lsqlite3 -ljansson -lnghttp2 -lz -lm
LIBS_emulator := -levent_core -lsqlite3 -ljansson -lnghttp2 -lprotobuf-c -lduktape -lyaml -lz -lm

PROGS := $(B)/datos $(B)/datos-emulator

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all build help run test bench load terraform-local terraform-check terraform-lock compose-smoke image image-push image-repeat image-sign image-name \
        deploy-plan deploy-apply deploy-rollout deploy-rollback fuzz lint lint-debian clean prepare unit test-programs \
        replay-programs fuzz-programs threaded-programs FORCE

all: $(PROGS) ## build both programs into build/release/
# a folder has this name: without a target make calls it up to date
build: all

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n",$$1,$$2}' Makefile
	@echo "  VARIANT=debug|asan|tsan|cov builds another way, V=1 shows commands"

# Programs and tools are checked each time (milliseconds); only what is missing
# is installed.
prepare:
	@tests/prepare test

run: ## install what is missing, build, start the whole system
	@tests/prepare run
	@$(MAKE) --no-print-directory all
	@exec $(B)/datos dev

test: ## install what is missing, then every test
	@tests/prepare test
	@$(MAKE) --no-print-directory all test-programs
	@$(MAKE) --no-print-directory VARIANT=asan test-programs replay-programs
	@$(MAKE) --no-print-directory VARIANT=tsan threaded-programs
	+@BUILD=$(BUILD) tests/run

bench: all ## measured table: against nginx and Google's emulator, latency, backlog, start, memory
	+@BUILD=$(BUILD) tests/bench/run

# Against URL, or a system of its own that is forgotten afterwards.
LOAD_FLAGS ?= --users 50 --ramp 10 --seconds 120
load: all ## the reference's load test: 50 users, 2 minutes, Locust, nginx as the floor (URL=https://... LOAD_FLAGS='...': a running system)
ifeq ($(URL),)
	@tests/prepare load
	@BUILD=$(BUILD) tests/load/run
else
	@tests/load/users.py --url '$(URL)' $(LOAD_FLAGS)
endif

terraform-local: all ## the Pub/Sub and BigQuery part of terraform/ applied to the emulators, planned again (empty), destroyed
	@BUILD=$(BUILD) terraform/local/run

# What an image is told; equal sources are to give equal bytes.
CONTAINER ?= docker
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
image_build = $(CONTAINER) build $(if $(DEBIAN),--build-arg DEBIAN=$(DEBIAN)) --build-arg COMMIT=$(COMMIT) --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)
image: ## both images, datos:local and datos-emulator:local (CONTAINER=docker|podman|buildah, DEBIAN=another base)
	$(image_build) -t datos:local -f src/Dockerfile .
	$(image_build) -t datos-emulator:local -f emulator/Dockerfile .

compose-smoke: ## both images by docker compose: up, healthy, a message through, down
	@.github/scripts/compose-smoke

TERRAFORM ?= $(firstword $(shell command -v terraform tofu) terraform)
terraform-check: ## terraform's own fmt and validate (fetches the provider)
	$(TERRAFORM) fmt -check -recursive -diff terraform
	@set -e; for d in terraform terraform/local; do \
	  locked=; [ ! -f $$d/.terraform.lock.hcl ] || locked=-lockfile=readonly; \
	  $(TERRAFORM) -chdir=$$d init -backend=false -input=false $$locked; $(TERRAFORM) -chdir=$$d validate; done

# Of every machine that plans: laptops and the workflows'.
LOCK_PLATFORMS = linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64
terraform-lock: ## the provider's checksums, signed by its maker, into terraform/.terraform.lock.hcl: commit it
	$(TERRAFORM) -chdir=terraform get
	$(TERRAFORM) -chdir=terraform providers lock $(LOCK_PLATFORMS:%=-platform=%)

# What the workflows of .github/ call, with their settings in the environment;
# each script's head names them.
image-push: ## image for amd64 and arm64, pushed by digest, with SBOM and provenance
image-repeat: ## builds the pushed image again from nothing and compares the bytes
image-sign: ## signs the pushed digest with this job's identity
image-name: ## gives the pushed digest its tag
image-push image-repeat image-sign image-name:
	@COMMIT=$(COMMIT) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) .github/scripts/image $(@:image-%=%)
deploy-plan: ## what terraform/ would change in the cloud
deploy-apply: ## pins the traffic to what serves, then applies terraform/
deploy-rollout: ## smoke and load on the new revision's own address, then 5, 25, 100 %
deploy-rollback: ## traffic and image back to what deploy-apply pinned
deploy-plan deploy-apply deploy-rollout deploy-rollback:
	@.github/scripts/deploy $(@:deploy-%=%)

fuzz: ## each fuzzer for FUZZ_TIME seconds (default 20)
	@tests/prepare lint
	+@BUILD=$(BUILD) MAKE="$(MAKE)" tests/fuzz/run

lint: ## all static checks
	@tests/prepare lint
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tests/lint/run

# The container to develop in, as root: it installs what lint wants. Objects of
# another Debian stay apart from this machine's.
lint-debian: ## lint inside Debian 12, as CI does: its clang-format decides (CONTAINER=docker|podman)
	$(CONTAINER) build -t datos-dev .devcontainer
	$(CONTAINER) run --rm --user root -v "$(CURDIR):/datos" -w /datos -e CI -e BUILD=build/debian \
	  -e GIT_CONFIG_COUNT=1 -e GIT_CONFIG_KEY_0=safe.directory -e GIT_CONFIG_VALUE_0=/datos datos-dev make lint WERROR=1

define module_rule
$(call lib,$1): $(call objs,$1)
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$m)))

$(B)/datos: $(B)/src/main.o $(foreach m,$(DATOS_MODULES),$(call lib,$m))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_datos)

$(B)/datos-emulator: $(B)/emulator/main.o $(foreach m,$(EMULATOR_MODULES),$(call lib,$m))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_emulator)

$(B)/%.o: %.c | $(BUILD)/.libraries
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Names the Debian package of what is missing, once a build folder.
$(BUILD)/.libraries: tests/prepare
	@tests/prepare --check build
	@mkdir -p $(@D) && touch $@

# Rewritten only when it changes.
$(B)/gen/version_gen.h: FORCE
	@mkdir -p $(@D)
	@printf '#define DATOS_VERSION "%s"\n#define DATOS_COMMIT "%s"\n' \
	  '$(VERSION)' '$(COMMIT)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:
$(B)/src/config/version.o $(B)/emulator/shell.o: $(B)/gen/version_gen.h

# The shipped schema is a part of the program.
$(B)/src/schema/shipped.o: src/schema/datos.json

# --- protocol buffers: ours, generated into build/ --------------------------
# The module emulator/proto: the C of each file, and all of them as one
# FileDescriptorSet for the reflection service.
PROTO_DIR := emulator/proto
GEN := $(B)/gen/proto
PROTOS := $(shell find $(PROTO_DIR) -name '*.proto' | sort)
GEN_C := $(patsubst $(PROTO_DIR)/%.proto,$(GEN)/%.pb-c.c,$(PROTOS))
GEN_O := $(GEN_C:.c=.o) $(GEN)/descriptors.o
$(GEN)/%.pb-c.c: $(PROTO_DIR)/%.proto
	$(call say,PROTOC,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(PROTO_DIR) --c_out=$(GEN) $<
$(GEN)/descriptors.c: $(PROTOS)
	$(call say,PROTOC,$@)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(PROTO_DIR) --descriptor_set_out=$(@:.c=.pb) $^
	@{ echo 'extern const unsigned char proto_descriptors[];'; \
	  echo 'extern const unsigned long proto_descriptors_len;'; \
	  echo 'const unsigned char proto_descriptors[] = {'; \
	  od -An -v -tx1 $(@:.c=.pb) | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	  echo 'const unsigned long proto_descriptors_len = sizeof(proto_descriptors);'; } >$@
$(GEN)/%.o: $(GEN)/%.c | $(GEN_C)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -w -MMD -MP -c -o $@ $<
$(call lib,emulator/proto): $(GEN_O)
$(foreach m,emulator emulator/pubsub emulator/bigquery,$(call objs,$m)): | $(GEN_C)
$(B)/emulator/main.o: | $(GEN_C)

# --- tests: a folder of Check suites against the modules its `deps` names -----
SUITE_DIRS := $(patsubst tests/%/suites.def,%,$(wildcard tests/unit/*/suites.def \
              tests/unit/*/*/suites.def tests/contract/*/suites.def))
suite_prog = $(B)/tests/$(subst /,-,$1)
SUITES := $(foreach d,$(SUITE_DIRS),$(call suite_prog,$d))
UNITS := $(filter $(B)/tests/unit-%,$(SUITES))
# A file `threads` in the folder asks for a run under ThreadSanitizer.
THREADED := $(foreach d,$(patsubst tests/%/threads,%,$(wildcard tests/*/*/threads \
            tests/*/*/*/threads)),$(call suite_prog,$d))

define suite_rule
$(call suite_prog,$1): $(B)/tests/suite-main/$(subst /,-,$1).o \
    $(patsubst %.c,$(B)/%.o,$(wildcard tests/$1/*.c)) \
    $(foreach m,$(shell cat tests/$1/deps 2>/dev/null),$(call lib,$m))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
	  -lcheck -lsubunit -lrt -lm $(sort $(LIBS_datos) $(LIBS_emulator)) -lcrypto
$(B)/tests/suite-main/$(subst /,-,$1).o: tests/support/unit_main.c tests/$1/suites.def
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -iquote tests/$1 -MMD -MP -c -o $$@ $$<
endef
$(foreach d,$(SUITE_DIRS),$(eval $(call suite_rule,$d)))
$(B)/tests/%.o: tests/%.c | $(GEN_C) $(BUILD)/.libraries
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -iquote tests/support -MMD -MP -c -o $@ $<

test-programs: $(SUITES)
threaded-programs: $(THREADED)
unit: $(UNITS) ## unit tests only (VARIANT=asan for sanitizers)
	@set -e; for t in $(UNITS); do $$t; done

# --- fuzzers: tests/fuzz/fuzz_NAME.c names its modules in a comment ------------
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
define fuzz_rule
$1_FUZZ := $(B)/tests/fuzz/fuzz_$1.o \
    $(foreach m,$(shell sed -n 's|.*modules: *\(.*\) \*/.*|\1|p' tests/fuzz/fuzz_$1.c | head -1),$(call lib,$m))
$(B)/tests/replay-$1: $(B)/tests/support/fuzz_main.o $$($1_FUZZ)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
	  -lm $(sort $(LIBS_datos) $(LIBS_emulator))
$(B)/tests/fuzz-$1: $$($1_FUZZ)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
	  -lm $(sort $(LIBS_datos) $(LIBS_emulator))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$f)))
replay-programs: $(FUZZERS:%=$(B)/tests/replay-%)
fuzz-programs: $(FUZZERS:%=$(B)/tests/fuzz-%)

clean: ## remove build/
	rm -rf $(BUILD)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
