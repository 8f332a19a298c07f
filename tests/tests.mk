# SPDX-License-Identifier: Apache-2.0
# What developers run: tests, lint, benchmark, fuzzing, demo. Included by the Makefile.

# -- the rpc runtime seen from outside: interop, attacks, storm, benchmark ------------------------------------------
DEPS_RPC  := python3-grpcio python3-protobuf python3-cryptography python3-pytest python3-grpc-tools nodejs npm \
             libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc libssl-dev strace valgrind
T         := $(B)/tests
ECHO_O    := $(T)/proto/echo.pb-c.o $(T)/proto/echo-descriptors.o $(T)/interop/self.o
OUTSIDE   := $(T)/interop/echo-server $(T)/interop/echo-client
.PHONY: check-attack check-storm outside
outside: $(OUTSIDE)
$(T)/proto/echo.pb-c.c $(T)/proto/echo.pb-c.h &: tests/interop/echo.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=$(<D) --c_out=$(T)/proto $<
$(T)/proto/echo-descriptors.bin: tests/interop/echo.proto $(PROTOS)
	@mkdir -p $(@D)
	protoc --proto_path=proto --proto_path=$(<D) --include_imports --descriptor_set_out=$@ $^
$(T)/proto/echo-descriptors.S: $(T)/proto/echo-descriptors.bin
	printf '.section .rodata\n.global echo_descriptors, echo_descriptors_end\necho_descriptors:\n.incbin "%s"\necho_descriptors_end:\n.section .note.GNU-stack,"",@progbits\n' $< > $@
$(T)/proto/%.o: $(T)/proto/%.S
	$(CC) -c -o $@ $<
$(T)/proto/%.o: $(T)/proto/%.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-all -Wno-extra -c -o $@ $<
$(T)/interop/%.o $(T)/storm/%.o: CPPFLAGS += -I$(T)/proto
$(T)/interop/echo-server.o $(T)/interop/echo-client.o $(T)/storm/storm.o: | $(T)/proto/echo.pb-c.h
$(OUTSIDE): %: %.o $(ECHO_O) $(ALL_A) $(PROTOS_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ECHO_O) -Wl,--start-group $(ALL_A) $(PROTOS_A) -Wl,--end-group $(LIBS) $(GRPC_LIBS)

YARD_O    := $(T)/bench/echo.pb.o $(T)/bench/echo.grpc.pb.o
$(T)/bench/echo.pb.cc $(T)/bench/echo.pb.h $(T)/bench/echo.grpc.pb.cc $(T)/bench/echo.grpc.pb.h &: tests/interop/echo.proto
	@mkdir -p $(@D)
	protoc --proto_path=$(<D) --cpp_out=$(T)/bench --grpc_out=$(T)/bench --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $<
$(T)/bench/%.o: $(T)/bench/%.cc
	$(CXX) -std=c++17 -O2 -I$(T)/bench -c -o $@ $<
$(T)/bench/%.o: tests/bench/%.cc | $(T)/bench/echo.grpc.pb.h
	$(CXX) -std=c++17 -O2 -g -Wall -Wextra -I$(T)/bench -c -o $@ $<
$(T)/bench/yardstick $(T)/bench/load: %: %.o $(YARD_O)
	$(CXX) -o $@ $^ $(shell $(PKG) --libs grpc++ protobuf)
bench: $(OUTSIDE) $(T)/bench/yardstick $(T)/bench/load
	B=$(B) $(PYTHON) tests/bench/bench.py
check-interop: $(OUTSIDE)
	cd tests/interop/js && npm ci --silent --no-audit --no-fund
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/interop
check-attack: $(OUTSIDE)
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/attack
check-storm: $(OUTSIDE) $(T)/storm/storm
	B=$(B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/storm
