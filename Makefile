# datos: builds two programs, tests them, runs the whole system.
# `make help` lists the targets. VARIANT=release|debug|asan|tsan|cov; each
# variant has a folder of its own, so no flags are ever stale.

VARIANT ?= release
BUILD ?= build
CC ?= gcc
B := $(BUILD)/$(VARIANT)

FLAGS.release := -O2 -D_FORTIFY_SOURCE=2
FLAGS.debug := -O0
FLAGS.asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.tsan := -O1 -fsanitize=thread
FLAGS.cov := -O0 --coverage
FLAGS := $(or $(FLAGS.$(VARIANT)),$(error unknown VARIANT '$(VARIANT)': use release, debug, asan, tsan or cov))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wformat=2 -Wvla -Wno-missing-field-initializers
ifeq ($(WERROR),1)
WARN += -Werror
endif

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -g3 -fno-omit-frame-pointer \
             -fstack-protector-strong -fPIE -pthread $(WARN) $(FLAGS) \
             -iquote src -iquote . -iquote $(B)/gen $(CFLAGS)
ALL_LDFLAGS = $(FLAGS) -pie -pthread -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)

# --- modules: a folder each, an archive each ------------------------------
MODULES := src/common src/config src/schema src/http src/grpc src/net \
           src/store src/pubsub src/ingest src/api src/cli src/dev cache \
           emulator emulator/pubsub emulator/bigquery emulator/bigquery/sql
lib = $(B)/lib/$(subst /,-,$1).a
srcs = $(filter-out %/main.c,$(wildcard $1/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call srcs,$1))

# What each program links. Order is from user to used.
DATOS_MODULES := src/dev src/cli src/api src/ingest src/store src/pubsub cache \
                 src/net src/schema src/http src/config src/common
EMULATOR_MODULES := emulator emulator/pubsub emulator/bigquery \
                    emulator/bigquery/sql src/grpc src/schema src/http src/common

LIBS_datos := -levent_core -lhiredis -lsqlite3 -ljansson -lnghttp2 -lcurl -lz
LIBS_emulator := -levent_core -lsqlite3 -ljansson -lnghttp2 -lprotobuf-c -lz -lm

PROGS := $(B)/datos $(B)/datos-emulator

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help run test bench load fuzz lint clean prepare unit

all: $(PROGS) ## build both programs into build/$(VARIANT)/

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n",$$1,$$2}' Makefile

define module_rule
$(call lib,$1): $(call objs,$1)
	@mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$m)))

$(B)/datos: $(B)/src/main.o $(foreach m,$(DATOS_MODULES),$(call lib,$m))
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_datos)

$(B)/datos-emulator: $(B)/emulator/main.o $(foreach m,$(EMULATOR_MODULES),$(call lib,$m))
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_emulator)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The shipped schema is a part of the program.
$(B)/src/schema/shipped.o: src/schema/datos.json

# --- protocol buffers: ours, generated into build/ --------------------------
PROTOS := $(wildcard emulator/proto/*.proto)
GEN_C := $(patsubst emulator/proto/%.proto,$(B)/gen/proto/%.pb-c.c,$(PROTOS))
GEN_O := $(GEN_C:.c=.o)
$(B)/gen/proto/%.pb-c.c: emulator/proto/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=emulator/proto --c_out=$(B)/gen/proto $<
$(B)/gen/proto/%.o: $(B)/gen/proto/%.c
	$(CC) $(ALL_CFLAGS) -w -c -o $@ $<
$(call objs,emulator emulator/pubsub): | $(GEN_C)
$(call lib,emulator/pubsub): $(GEN_O)

# --- unit tests: tests/unit/<module>/ against the modules it names ----------
UNIT_DIRS := $(patsubst tests/unit/%/suites.def,%,$(wildcard tests/unit/*/suites.def tests/unit/*/*/suites.def))
UNITS := $(foreach d,$(UNIT_DIRS),$(B)/tests/unit-$(subst /,-,$d))
ALL_MODULES_LIBS = $(foreach m,$(MODULES),$(call lib,$m))

# tests/unit/D/deps names the modules to link, one a line; the default is all.
define unit_rule
$(B)/tests/unit-$(subst /,-,$1): $(B)/tests/unit-obj/$(subst /,-,$1).main.o \
    $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/$1/*.c)) \
    $(foreach m,$(shell cat tests/unit/$1/deps 2>/dev/null),$(call lib,$m))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
	  -lcheck -lsubunit -lrt -lm $(sort $(LIBS_datos) $(LIBS_emulator)) -lcrypto
$(B)/tests/unit-obj/$(subst /,-,$1).main.o: tests/support/unit_main.c tests/unit/$1/suites.def
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -iquote tests/unit/$1 -MMD -MP -c -o $$@ $$<
endef
$(foreach d,$(UNIT_DIRS),$(eval $(call unit_rule,$d)))
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -iquote tests/support -MMD -MP -c -o $@ $<

unit: $(UNITS) ## unit tests only (VARIANT=asan for sanitizers)
	@set -e; for t in $(UNITS); do $$t; done

clean: ## remove build/
	rm -rf $(BUILD)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
