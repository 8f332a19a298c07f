/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory: each allocation fails once and is reported as just that, nothing leaks. */

#include <sys/mman.h>
#include <sys/resource.h>

#include "unit/failing.h"
#include "witness.h"

#include "proto/json.h"
#include "proto/unpack.h"

static const char text[] = "{\"strings\": {\"k\": \"v\"}, \"uint64s\": {\"1\": \"AA==\"}, \"bools\": {\"true\": "
                           "{\"a_string\": \"x\"}},"
                           "\"maps\": {\"a\": {\"int64s\": {\"5\": 0.5}}}}";

static int from_json(void *arg) {
        _cleanup_proto_ ProtobufCMessage *m = NULL;
        int r;

        r = proto_from_json(arg, &kinds__map__descriptor, &m, NULL);
        assert_int_equal(!m, r < 0);
        return r;
}

static int to_json(void *arg) {
        json_t *json = proto_to_json(arg, PROTO_JSON_CAMEL_NAMES);

        json_decref(json);
        return json ? 0 : -ENOMEM;
}

static int pack(void *arg) {
        _cleanup_free_ void *data = NULL;
        size_t size;

        return proto_pack(arg, &data, &size);
}

static void test_each_allocation(_unused_ void **state) {
        json_t *json = json_loads(text, 0, NULL);
        _cleanup_proto_ ProtobufCMessage *m = NULL;

        assert_non_null(json);
        assert_true(each_failing(from_json, json) > 15);
        assert_int_equal(proto_from_json(json, &kinds__map__descriptor, &m, NULL), 0);
        assert_true(each_failing(to_json, m) > 8);
        assert_int_equal(each_failing(pack, m), 1);
        json_decref(json);
}

/* The fault is reported even when there is no memory to describe it. */
static void test_no_sentence(_unused_ void **state) {
        json_t *json = json_pack("{s:i}", "nothing", 1);
        ProtobufCMessage *m = NULL;
        char *error = NULL;

        allocations_left = 0;
        assert_int_equal(proto_from_json(json, &kinds__node__descriptor, &m, &error), -ENOMEM);
        allocations_left = 1;
        assert_int_equal(proto_from_json(json, &kinds__node__descriptor, &m, &error), -EINVAL);
        allocations_left = SIZE_MAX;
        assert_null(error);
        json_decref(json);
}

/* More than the address space that is left, in pages that nobody touches. */
static void test_unpack(_unused_ void **state) {
        static const uint8_t head[] = { 0x0a, 0x80, 0x80, 0x80, 0x80, 0x04 }; /* socketproxy.StreamFrame.Chunk, 1 GiB */
        const size_t size = sizeof(head) + (1 << 30);
        struct rlimit before, little;
        ProtobufCMessage *m = NULL;
        char *error = NULL;
        uint8_t *data;
        int r;

#ifdef __SANITIZE_ADDRESS__
        skip(); /* whose shadow is larger than any limit */
#endif
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert_ptr_not_equal(data, MAP_FAILED);
        memcpy(data, head, sizeof(head));
        assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
        little = before;
        little.rlim_cur = size + (512 << 20);
        assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
        r = proto_unpack(&socketproxy__stream_frame__descriptor, data, size, &m, &error);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        munmap(data, size);
        assert_int_equal(r, -ENOMEM);
        assert_null(m);
        assert_null(error);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_allocation),
                cmocka_unit_test(test_no_sentence),
                cmocka_unit_test(test_unpack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
