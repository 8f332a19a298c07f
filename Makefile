# SPDX-License-Identifier: Apache-2.0
# One makefile for everything: `make`, `sudo make demo`, `sudo make check`. `make help` lists the rest.
# Folders become archives; a program or test links its own folders and those that they may use.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all deps demo check check-quick check-unit check-cli check-fleet check-interop lint bench fuzz install clean help
.DEFAULT_GOAL := all

VERSION  := 0.1.0
PREFIX   ?= /usr
SANITIZE ?=
PYTHON   := /usr/bin/python3
comma    := ,
B        := build$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))

# A word and a name for each step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(patsubst $(B)/%,%,$(or $(2),$@))' &&)

# What this machine has.
PKG      := $(or $(shell command -v pkg-config 2>/dev/null),true)
PKGS     := libsystemd gnutls libprotobuf-c jansson
STATIC_GRPC ?= $(if $(wildcard $(shell $(CC) -print-file-name=libgrpc_unsecure.a 2>/dev/null)),yes,no)
GRPC_SO  := $(shell $(PKG) --libs-only-L grpc_unsecure) -lgrpc_unsecure -lgpr $(shell $(PKG) --libs absl_synchronization) -lstdc++
ifeq ($(STATIC_GRPC),yes)
# Nobody but gRPC needs the library of C++. Sanitizers bring it with them.
GRPC_LIBS := -Wl,-Bstatic -Wl,--start-group $(sort $(filter -l%,$(shell $(PKG) --static --libs grpc_unsecure gpr))) -lupb \
             -laddress_sorting -lre2 -lcares -Wl,--end-group $(if $(SANITIZE),-Wl$(comma)-Bdynamic -lstdc++,-lstdc++ -Wl$(comma)-Bdynamic -static-libgcc) -lz -lm
else
GRPC_LIBS := $(GRPC_SO)
endif

CC       ?= gcc
WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow -Wundef -Wvla -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
            -Wimplicit-fallthrough -Wno-missing-field-initializers -Wno-missing-braces
CPPFLAGS += -D_GNU_SOURCE -DGIVC_VERSION='"$(VERSION)"' -Isrc -Isrc/libgivc -I$(B)/proto $(shell $(PKG) --cflags $(PKGS) libevdev)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -fPIC -fvisibility=hidden -fno-strict-aliasing -fstack-protector-strong -ffunction-sections \
            -fdata-sections $(WARNINGS)
LDFLAGS  += -Wl,--gc-sections -Wl,-z,relro,-z,now
ifneq ($(SANITIZE),)
CFLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SANITIZE)
else
CFLAGS   += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
LIBS     := $(shell $(PKG) --libs $(PKGS))
EVDEV_LIBS := $(shell $(PKG) --libs libevdev)

# What is missing is told at once, by name. Goals that install or need nothing of it go on; the former come back here.
NEEDS    := $(filter-out packages deps demo check check-quick check-vm bench oracle fuzz lint clean help,$(or $(MAKECMDGOALS),all))
MISSING   = $(shell for i in $(CC) $(CXX) pkg-config protoc protoc-c; do command -v $$i >/dev/null || echo $$i; done; \
              for i in $(PKGS) grpc_unsecure libcurl libevdev smartcols; do pkg-config --exists $$i 2>/dev/null || echo $$i; done)
ifneq ($(and $(NEEDS),$(MISSING)),)
$(error Missing: $(MISSING). On Debian 12, `sudo make deps` installs all that this takes)
endif

# Rooms: the archives that the tests of each link, itself first, so that the linker keeps the walls.
ROOMS      := base event tls proto bus http policy rpc
USES_base  := base
USES_event := event base
USES_tls   := tls event base
USES_proto := proto base
USES_bus   := bus event base
USES_http  := http event base
USES_policy := policy base
USES_rpc   := rpc policy proto tls event base

PROTOS     := $(wildcard proto/*.proto) proto/google/protobuf/any.proto
PROTO_O    := $(patsubst proto/%.proto,$(B)/proto/%.pb-c.o,$(PROTOS))
sources     = $(wildcard $(1)/*.c)
objects     = $(patsubst src/%.c,$(B)/%.o,$(1))
archive     = $(B)/libgivc/$(1).a

AGENT_SRC  := $(call sources,src/agent) $(call sources,src/agent/services) $(call sources,src/agent/calls)
ADMIN_SRC  := $(call sources,src/admin) $(call sources,src/admin/services) $(call sources,src/admin/calls)
CTL_SRC    := $(call sources,src/ctl)
PROGRAMS   := $(if $(AGENT_SRC),$(B)/givc-agent) $(if $(ADMIN_SRC),$(B)/givc-admin) $(if $(CTL_SRC),$(B)/givcctl)
ALL_A      := $(foreach r,rpc policy http bus proto tls event base,$(call archive,$(r)))
PROTOS_A   := $(B)/proto/protos.a
DESCRIPTORS := $(B)/proto/descriptors.o

all: $(PROGRAMS) $(B)/libgivc.so $(B)/examples/greeter
	@echo "built for gRPC $(shell $(PKG) --modversion grpc_unsecure) ($(STATIC_GRPC) static), systemd $(shell $(PKG) --modversion libsystemd), GnuTLS $(shell $(PKG) --modversion gnutls)"

# The contract: text rewritten for protoc-c (proto3 optional is a one-member oneof), descriptors from the text as it is.
$(B)/proto/src/%.proto: proto/%.proto proto/optional.awk
	@mkdir -p $(@D)
	$(call say,AWK) awk -f proto/optional.awk $< > $@
$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h: $(patsubst proto/%,$(B)/proto/src/%,$(PROTOS))
	$(call say,PROTO) protoc-c --proto_path=$(B)/proto/src --c_out=$(B)/proto $(B)/proto/src/$*.proto
$(B)/proto/descriptors.bin: $(PROTOS)
	@mkdir -p $(@D)
	$(call say,PROTO) protoc --proto_path=proto --include_imports --descriptor_set_out=$@ $^
$(B)/proto/descriptors.S: $(B)/proto/descriptors.bin
	@printf '.section .rodata\n.global givc_descriptors, givc_descriptors_end\ngivc_descriptors:\n.incbin "%s"\ngivc_descriptors_end:\n.section .note.GNU-stack,"",@progbits\n' $< > $@
$(B)/proto/descriptors.o: $(B)/proto/descriptors.S
	$(call say,CC) $(CC) -c -o $@ $<
$(B)/proto/%.pb-c.o: $(B)/proto/%.pb-c.c
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-all -Wno-extra -c -o $@ $<
$(PROTOS_A): $(PROTO_O) $(DESCRIPTORS)
	@rm -f $@
	$(call say,AR) $(AR) rcs $@ $^
.PRECIOUS: $(B)/proto/src/%.proto $(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h

# Objects, archives, programs.
PB_HEADERS := $(patsubst proto/%.proto,$(B)/proto/%.pb-c.h,$(PROTOS))
$(B)/%.o: src/%.c | $(PB_HEADERS)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/%.o: src/%.cc
	@mkdir -p $(@D)
	$(call say,CXX) $(CXX) $(filter-out -Wstrict-prototypes -Wmissing-prototypes -std=gnu11,$(CPPFLAGS) $(CFLAGS)) -std=c++17 -MMD -MP -c -o $@ $<
define room
$(call archive,$(1)): $(call objects,$(call sources,src/libgivc/$(1))) $(patsubst src/%.cc,$(B)/%.o,$(wildcard src/libgivc/$(1)/*.cc))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR) $(AR) rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

define program
$(B)/$(1): $(call objects,$(2)) $(ALL_A) $(PROTOS_A)
	$$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $(call objects,$(2)) -Wl,--start-group $(ALL_A) $(PROTOS_A) -Wl,--end-group $(LIBS) $(3) $(GRPC_LIBS)
endef
$(eval $(call program,givc-agent,$(AGENT_SRC),$(EVDEV_LIBS)))
$(eval $(call program,givc-admin,$(ADMIN_SRC),))
$(eval $(call program,givcctl,$(CTL_SRC),$(shell $(PKG) --libs smartcols)))

$(B)/libgivc.so: $(B)/libgivc/givc/givc.o $(ALL_A) $(PROTOS_A) src/libgivc/libgivc.map
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libgivc.so.0 -Wl,--version-script=src/libgivc/libgivc.map -o $@ \
	        $< -Wl,--start-group $(ALL_A) $(PROTOS_A) -Wl,--end-group $(LIBS) $(GRPC_SO)
	@ln -sf libgivc.so $@.0

# The example: a module of one's own, against the installed shape of the library.
$(B)/examples/greeter.pb-c.c: src/libgivc/examples/greeter.proto
	@mkdir -p $(@D)
	$(call say,PROTO) protoc-c --proto_path=$(<D) --c_out=$(@D) $<
	$(call say,PROTO) protoc --proto_path=$(<D) --descriptor_set_out=$(@D)/greeter.bin $<
$(B)/examples/greeter: src/libgivc/examples/greeter.c $(B)/examples/greeter.pb-c.c $(B)/libgivc.so
	$(call say,LINK) $(CC) -Isrc/libgivc -I$(B)/examples $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -L$(B) -lgivc -Wl,-rpath,'$$ORIGIN/..' \
	        $(shell $(PKG) --cflags --libs libsystemd libprotobuf-c)

# What is loaded only when it is needed: a name that the linker of the running program finds, or a path.
CURL_SO  ?= $(shell readelf -d $$($(PKG) --variable=libdir libcurl)/libcurl.so | sed -n 's/.*soname: .\(.*\).$$/\1/p')
$(B)/libgivc/http/curl.o $(B)/fuzz/src/libgivc/http/curl.o: CPPFLAGS += -DCURL_SO='"$(CURL_SO)"'

# Unit tests: tests/unit/ROOM/test-*.c links ROOM and what ROOM may use.
FAKE_O     := $(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/fake/*.c))
UNIT_SRC   := $(wildcard tests/unit/*/test-*.c)
UNIT_BIN   := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SRC))
$(B)/tests/%.o: tests/%.c | $(PB_HEADERS)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP -c -o $@ $<
define unit
$(filter $(B)/tests/unit/$(1)/%,$(UNIT_BIN)): $(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(FAKE_O) $(PROTOS_A) $(2) $(foreach r,$(3),$(call archive,$(r)))
	$$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$< $$(EXTRA_O) -Wl,--start-group $(2) $(foreach r,$(3),$(call archive,$(r))) $(if $(filter bus,$(3)),$(FAKE_O)) $(PROTOS_A) -Wl,--end-group $(LIBS) $(if $(filter rpc,$(3)),$(GRPC_LIBS)) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call unit,$(r),,$(USES_$(r)))))
PROGRAM_OBJECTS = $(filter-out $(B)/$(1)/main.o,$(call objects,$(2)))
$(eval $(call unit,agent,$(call PROGRAM_OBJECTS,agent,$(AGENT_SRC)) $(EVDEV_LIBS),rpc http bus policy proto tls event base))
$(eval $(call unit,admin,$(call PROGRAM_OBJECTS,admin,$(ADMIN_SRC)),rpc http bus policy proto tls event base))
$(eval $(call unit,ctl,$(call PROGRAM_OBJECTS,ctl,$(CTL_SRC)) $(if $(CTL_SRC),-lsmartcols),rpc policy http bus proto tls event base))
tests-unit: $(UNIT_BIN)

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
include tests/tests.mk

clean:
	rm -rf build
