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
