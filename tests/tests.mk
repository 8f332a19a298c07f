# SPDX-License-Identifier: Apache-2.0
# What developers run: tests, lint, benchmark, fuzzing, demo. Included by the Makefile.

# What all of it takes.
# PACKAGE:COMMAND is there when the command is. A makefile that has just installed its tools reads itself again.
DEPS_BUILD := gcc g++ make pkg-config libsystemd-dev libgnutls28-dev libprotobuf-c-dev protobuf-c-compiler \
              protobuf-compiler libjansson-dev libgrpc-dev libre2-dev libc-ares-dev libabsl-dev zlib1g-dev uthash-dev \
              libsmartcols-dev libcurl4-gnutls-dev libevdev-dev libcmocka-dev valgrind systemd-journal-remote \
              dpkg-dev:dpkg-shlibdeps
DEPS_FLEET := systemd-container systemd dbus dbus-user-session libpam-systemd libnss-systemd iproute2 util-linux mount procps \
              python3 python3-cryptography python3-grpcio python3-protobuf python3-pytest polkitd \
              xdg-dbus-proxy dbus-bin:dbus-send
DEPS_VM    := qemu-system-x86:qemu-system-x86_64 busybox-static kmod cpio
DEPS        = $(sort $(DEPS_BUILD) $(DEPS_FLEET) $(DEPS_VM) $(DEPS_RPC) $(DEPS_CTL))
CHECK_WORDS = $(foreach v,SANITIZE VALGRIND,$(if $($(v)),$(v)=$($(v))))
.PHONY: tests-unit packages check-vm
packages:
	@tests/deps $(DEPS)
deps: packages
	@tests/vm/kernel build/vm/kernel
demo: packages
	@+$(MAKE) --no-print-directory all
	@KEEP=$(KEEP) tests/fleet/demo
check: packages
	@+$(MAKE) --no-print-directory all
	@$(PYTHON) tests/check $(CHECK_WORDS)
check-quick: packages
	@+$(MAKE) --no-print-directory all
	@$(PYTHON) tests/check --quick $(CHECK_WORDS)
check-unit: tests-unit
	@$(PYTHON) tests/run-unit $(if $(VALGRIND),--valgrind) --counts $(or $(GIVC_UNIT_COUNTS),$(B)/tests/unit.json) $(UNIT_BIN)
check-fleet: all
	GIVC_BUILD=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/scenarios
check-vm: deps
	@+$(MAKE) --no-print-directory all
	GIVC_BUILD=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/vm

define HELP
make              build the programs and libgivc into build/; V=1 shows the commands
sudo make demo    show it all on a fleet of real systemd machines; KEEP=1 keeps the fleet
sudo make check   run every test; parts of it: check-quick, check-unit, check-cli, check-fleet, check-interop,
                  check-attack, check-storm; with SANITIZE=address,undefined sanitized, with VALGRIND=1 under valgrind
sudo make check-vm  what needs a kernel of its own, in a VM; not part of check, since it downloads one and emulates
make soak         a fleet under a crowd and bad weather, for MINUTES=60; SOAK_SEED repeats the dice
make oracle       ask Cedar's own library COUNT=100000 made-up questions of SEED=1, and compare
make install      DESTDIR= PREFIX=/usr
make deb          Debian packages into build/deb/
make deps         install what all of this needs from Debian; needs root
make bench        measure ourselves against yardsticks; BENCH=rpc|admin|fleet|proxy|exec|policy one part
make lint|fuzz|clean
endef
help:
	$(info $(HELP))@:

# The rpc runtime seen from outside: interop, attacks, storm, benchmark.
DEPS_RPC  := python3-grpcio python3-protobuf python3-cryptography python3-pytest nodejs:node npm:npm openssl \
             libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc libssl-dev strace valgrind socat
T         := $(B)/tests
ECHO_O    := $(T)/proto/echo.pb-c.o $(T)/proto/echo-descriptors.o $(T)/interop/self.o
OUTSIDE_A := $(foreach r,$(USES_rpc),$(call archive,$(r)))
OUTSIDE   := $(T)/interop/echo-server $(T)/interop/echo-client
MINUTES   ?= 60
.PHONY: check-attack check-storm outside run-bench soak
outside: $(OUTSIDE)
$(T)/proto/echo.pb-c.c $(T)/proto/echo.pb-c.h &: tests/interop/echo.proto
	@mkdir -p $(@D)
	$(call say,PROTO) protoc-c --proto_path=$(<D) --c_out=$(T)/proto $<
$(T)/proto/echo-descriptors.bin: tests/interop/echo.proto $(PROTOS)
	@mkdir -p $(@D)
	$(call say,PROTO) protoc --proto_path=proto --proto_path=$(<D) --include_imports --descriptor_set_out=$@ $^
$(T)/proto/echo-descriptors.S: $(T)/proto/echo-descriptors.bin
	@printf '.section .rodata\n.global echo_descriptors, echo_descriptors_end\necho_descriptors:\n.incbin "%s"\necho_descriptors_end:\n.section .note.GNU-stack,"",@progbits\n' $< > $@
$(T)/proto/%.o: $(T)/proto/%.S
	$(call say,CC) $(CC) -c -o $@ $<
$(T)/proto/%.o: $(T)/proto/%.c
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-all -Wno-extra -c -o $@ $<
$(T)/interop/%.o $(T)/storm/%.o: CPPFLAGS += -I$(T)/proto
$(T)/interop/echo-server.o $(T)/interop/echo-client.o $(T)/storm/storm.o: | $(T)/proto/echo.pb-c.h
$(OUTSIDE): %: %.o $(ECHO_O) $(OUTSIDE_A) $(PROTOS_A)
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ECHO_O) -Wl,--start-group $(OUTSIDE_A) $(PROTOS_A) -Wl,--end-group $(LIBS) $(GRPC_LIBS)
$(T)/storm/storm: $(T)/storm/storm.o $(T)/storm/rude.o $(ECHO_O) $(OUTSIDE_A) $(PROTOS_A)
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(OUTSIDE_A) $(PROTOS_A) -Wl,--end-group $(LIBS) $(GRPC_LIBS)
$(T)/soak/manager: $(T)/soak/manager.o $(FAKE_O) $(call archive,bus) $(call archive,event) $(call archive,base)
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

YARD_O    := $(T)/bench/echo.pb.o $(T)/bench/echo.grpc.pb.o
PLAIN     := admin ctap locale notify stats systemd
PLAIN_PB  := $(PLAIN:%=$(T)/bench/%)
PLAIN_O   := $(PLAIN_PB:=.pb.o) $(T)/bench/admin.grpc.pb.o $(T)/bench/systemd.grpc.pb.o
BENCH_BIN := $(addprefix $(T)/bench/,yardstick load plain-admin crowd)
$(T)/bench/echo.pb.cc $(T)/bench/echo.pb.h $(T)/bench/echo.grpc.pb.cc $(T)/bench/echo.grpc.pb.h &: tests/interop/echo.proto
	@mkdir -p $(@D)
	$(call say,PROTO) protoc --proto_path=$(<D) --cpp_out=$(T)/bench --grpc_out=$(T)/bench --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $<
$(PLAIN_PB:=.pb.cc) $(PLAIN_PB:=.grpc.pb.cc) $(T)/bench/admin.grpc.pb.h &: $(PLAIN:%=proto/%.proto)
	@mkdir -p $(@D)
	$(call say,PROTO,C++ of proto/) protoc --proto_path=proto --cpp_out=$(T)/bench --grpc_out=$(T)/bench --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $^
$(T)/bench/%.o: $(T)/bench/%.cc
	$(call say,CXX) $(CXX) -std=c++17 -O2 -include tests/bench/locale-words.h -I$(T)/bench -c -o $@ $<
$(T)/bench/%.o: tests/bench/%.cc | $(T)/bench/echo.grpc.pb.h $(T)/bench/admin.grpc.pb.h
	$(call say,CXX) $(CXX) -std=c++17 -O2 -g -Wall -Wextra -include tests/bench/locale-words.h -I$(T)/bench -c -o $@ $<
$(T)/bench/yardstick $(T)/bench/load: $(YARD_O)
$(T)/bench/plain-admin $(T)/bench/crowd: $(PLAIN_O)
$(BENCH_BIN): %: %.o
	$(call say,LINK) $(CXX) -o $@ $^ $(shell $(PKG) --libs grpc++ protobuf)
# An sshd, which Debian starts where systemd runs, is nothing that tests may bring along.
DEPS_BENCH := openssh-server openssh-client
bench: packages
	@tests/deps $(DEPS_BENCH)
	@+$(MAKE) --no-print-directory run-bench
$(T)/bench/decisions: %: %.o $(call archive,policy) $(call archive,base)
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
run-bench: all $(OUTSIDE) $(BENCH_BIN) $(T)/bench/decisions $(T)/js/installed
	B=$(B) GIVC_BUILD=$(B) $(PYTHON) tests/bench/bench.py $(BENCH)
$(T)/js/installed: tests/interop/js/package.json tests/interop/js/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --loglevel=error --no-audit --no-fund
	touch $@
# A stranger's program: the public header, the shared library, and what protoc-c makes of its own service.
$(T)/interop/outsider: tests/interop/outsider.c $(B)/examples/greeter $(B)/libgivc.so
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) -Isrc/libgivc -I$(B)/examples -std=c11 $(filter -O% -g -fsanitize% -fno-omit%,$(CFLAGS)) $(WARNINGS) $(LDFLAGS) -o $@ $< \
	        $(B)/examples/greeter.pb-c.c -L$(B) -lgivc -Wl,-rpath,'$$ORIGIN/../..' $(shell $(PKG) --cflags --libs libsystemd libprotobuf-c)
# Who may do what: our answers beside cedar-wasm's.
ANSWERS   := $(T)/interop/policy-answers
$(ANSWERS): %: %.o $(call archive,policy) $(call archive,base)
	$(call say,LINK) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
.PHONY: oracle run-oracle
oracle: packages
	@+$(MAKE) --no-print-directory run-oracle
run-oracle: $(ANSWERS) $(T)/js/installed
	NODE_PATH=$(T)/js/node_modules node tests/interop/js/policy/differ.js $(ANSWERS) $(or $(SEED),1):0:$(or $(COUNT),100000)
check-interop: $(OUTSIDE) $(T)/interop/outsider $(T)/js/installed $(ANSWERS)
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/interop
check-attack: $(OUTSIDE)
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/attack
check-storm: $(OUTSIDE) $(T)/storm/storm $(T)/soak/manager $(PROGRAMS) $(B)/tests/cli/admin_pb2.py
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/storm tests/soak
soak: $(T)/soak/manager $(PROGRAMS) $(B)/tests/cli/admin_pb2.py
	B=$(B) SOAK_MINUTES=$(MINUTES) $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/soak

# The client, walls and budgets, installation.
DEPS_CTL  := clang-format shellcheck e2fsprogs jq rsync scdoc mandoc python3-pyflakes protobuf-compiler-grpc libsmartcols-dev git binutils \
             zsh fish python3-dbusmock nix-bin:nix-instantiate
include tests/install.mk
lint:
	$(PYTHON) tests/lint/lint.py
check-cli: $(PROGRAMS) $(B)/tests/cli/admin_pb2.py man
	B=$(B) $(PYTHON) -m pytest -q -rs -p no:cacheprovider tests/cli tests/lint tests/nixos
$(B)/tests/cli/admin_pb2.py: $(PROTOS)
	@mkdir -p $(@D)
	$(call say,PROTO) protoc --proto_path=proto --python_out=$(@D) --grpc_out=$(@D) --plugin=protoc-gen-grpc=$$(command -v grpc_python_plugin) $^

# Protobuf: the tests know every message type there is, and what Python's protobuf makes of it.
KINDS     := kinds old
PROTO_TEST := $(patsubst %,$(B)/tests/unit/proto/test-%,golden json malformed memory python unpack)
TYPES_H   := $(T)/proto/all-types.h
$(T)/proto/src/%.proto: tests/unit/proto/%.proto proto/optional.awk
	@mkdir -p $(@D)
	awk -f proto/optional.awk $< > $@
$(T)/proto/%.pb-c.c $(T)/proto/%.pb-c.h: $(T)/proto/src/%.proto
	$(call say,PROTO) protoc-c --proto_path=$(T)/proto/src --c_out=$(T)/proto $<
.PRECIOUS: $(T)/proto/src/%.proto $(T)/proto/%.pb-c.c $(T)/proto/%.pb-c.h
$(TYPES_H): tests/unit/proto/all-types.awk $(PB_HEADERS) $(KINDS:%=$(T)/proto/%.pb-c.h)
	awk -f $^ > $@
$(T)/proto/set.bin: $(PROTOS) tests/unit/proto/kinds.proto
	@mkdir -p $(@D)
	$(call say,PROTO) protoc --proto_path=proto --proto_path=tests/unit/proto --include_imports --descriptor_set_out=$@ $^
$(T)/proto/descriptors.txt: tests/unit/proto/oracle.py $(B)/proto/descriptors.bin
	$(PYTHON) $< describe $(B)/proto/descriptors.bin > $@
$(T)/proto/bytes.jsonl: tests/unit/proto/oracle.py $(T)/proto/set.bin tests/unit/proto/golden/bytes.jsonl
	$(PYTHON) $< bytes $(T)/proto/set.bin tests/unit/proto/golden/bytes.jsonl > $@
$(T)/proto/vectors.jsonl: tests/unit/proto/oracle.py $(T)/proto/set.bin
	$(PYTHON) $< vectors $(T)/proto/set.bin > $@
$(PROTO_TEST): EXTRA_O := $(KINDS:%=$(T)/proto/%.pb-c.o)
WRAP_MALLOC := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc reallocarray strdup vasprintf __vasprintf_chk)
$(patsubst %,$(B)/tests/unit/%/test-memory,proto policy admin agent): EXTRA_O += $(WRAP_MALLOC)
$(PROTO_TEST): $(KINDS:%=$(T)/proto/%.pb-c.o)
$(PROTO_TEST:%=%.o): CPPFLAGS += -I$(T)/proto -DWITNESS='"$(abspath $(T)/proto)"' -DGOLDEN='"$(abspath tests/unit/proto/golden)"'
$(PROTO_TEST:%=%.o): $(TYPES_H) | $(addprefix $(T)/proto/,descriptors.txt bytes.jsonl vectors.jsonl)

# Rpc: access rules see every kind of field.
RULES_TEST := $(B)/tests/unit/rpc/test-rules
$(RULES_TEST): EXTRA_O := $(KINDS:%=$(T)/proto/%.pb-c.o) $(WRAP_MALLOC)
$(RULES_TEST): $(KINDS:%=$(T)/proto/%.pb-c.o)
$(RULES_TEST).o: CPPFLAGS += -I$(T)/proto
$(RULES_TEST).o: | $(KINDS:%=$(T)/proto/%.pb-c.h)

# Http: its tests ask a web server of Python's.
$(B)/tests/unit/http/%.o: CPPFLAGS += -DSERVER='"$(abspath tests/unit/http/server.py)"'

# Fuzzing: tests/fuzz/fuzz-NAME.c, one libFuzzer target each, with everything it links instrumented.
DEPS_FUZZ := clang:clang libclang-rt-14-dev llvm:llvm-symbolizer
FUZZ_SECONDS ?= 20
.PHONY: run-fuzz
FUZZ      := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))
FUZZ_CC   := clang -O1 -g -std=gnu11 -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined
FUZZ_SRC  := $(foreach r,$(ROOMS),$(call sources,src/libgivc/$(r)))
FUZZ_ADMIN := $(addprefix $(B)/fuzz/fuzz-,policies registration)
FUZZ_O    := $(patsubst %.c,$(B)/fuzz/%.o,$(FUZZ_SRC)) $(patsubst $(B)/%.c,$(B)/fuzz/%.o,$(PROTO_O:.o=.c)) \
             $(KINDS:%=$(B)/fuzz/tests/proto/%.pb-c.o) $(patsubst src/%.cc,$(B)/%.o,$(wildcard src/libgivc/*/*.cc))
$(B)/fuzz/tests/fuzz/%.o: tests/fuzz/%.c $(TYPES_H)
	@mkdir -p $(@D)
	@$(FUZZ_CC) -fsanitize=fuzzer-no-link $(CPPFLAGS) -Itests -I$(T)/proto -MMD -MP -c -o $@ $<
$(B)/fuzz/src/%.o: src/%.c | $(PB_HEADERS)
	@mkdir -p $(@D)
	@$(FUZZ_CC) -fsanitize=fuzzer-no-link $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(B)/fuzz/proto/%.o: $(B)/proto/%.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CPPFLAGS) -c -o $@ $<
$(B)/fuzz/tests/proto/%.o: $(T)/proto/%.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CPPFLAGS) -I$(T)/proto -c -o $@ $<
$(B)/fuzz/rooms.a: $(FUZZ_O) $(DESCRIPTORS)
	@rm -f $@
	@$(AR) rcs $@ $^
# The admin and the other programs have some names in common.
$(B)/fuzz/admin.a: $(patsubst %.c,$(B)/fuzz/%.o,$(filter-out %/main.c,$(ADMIN_SRC)))
$(B)/fuzz/others.a: $(patsubst %.c,$(B)/fuzz/%.o,$(filter-out %/main.c,$(AGENT_SRC) $(CTL_SRC)))
$(B)/fuzz/admin.a $(B)/fuzz/others.a:
	@rm -f $@
	@$(AR) rcs $@ $^
$(FUZZ_ADMIN): $(B)/fuzz/admin.a
$(filter-out $(FUZZ_ADMIN),$(FUZZ)): $(B)/fuzz/others.a
$(FUZZ): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(B)/fuzz/rooms.a
	@$(FUZZ_CC) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(shell $(PKG) --libs smartcols) $(EVDEV_LIBS) $(GRPC_LIBS)
.PRECIOUS: $(B)/fuzz/tests/fuzz/%.o
$(B)/fuzz/corpus/seeded: tests/unit/proto/oracle.py $(T)/proto/set.bin
	@$(PYTHON) $< seeds $(T)/proto/set.bin $(@D)
	@touch $@
fuzz:
	@tests/deps $(DEPS) $(DEPS_FUZZ)
	@+$(MAKE) --no-print-directory run-fuzz
run-fuzz: $(FUZZ) $(B)/fuzz/corpus/seeded
	@for f in $(FUZZ); do \
	        name=$${f##*/fuzz-}; \
	        mkdir -p $(B)/fuzz/corpus/$$name $(B)/fuzz/artifacts; \
	        echo "== $$name, $(FUZZ_SECONDS) s"; \
	        $$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
	            -artifact_prefix=$(B)/fuzz/artifacts/$$name- $(B)/fuzz/corpus/$$name \
	            $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) || exit 1; \
	done

# The agent as a program: tests/cli/test_agent.py.
check-cli: $(B)/givc-agent
