/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses: the whole table of errnos, what is cut, what travels in the details. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/status.h"
#include "rpc/wire.h"

/* The table as a user of gRPC would expect it, written down once more. */
static void test_errno_to_code(_unused_ void **state) {
        static const struct {
                int error;
                RpcCode code;
        } table[] = {
                { 0, RPC_OK },
                { 1, RPC_OK },
                { -ECANCELED, RPC_CANCELLED },
                { -EINVAL, RPC_INVALID_ARGUMENT },
                { -EBADMSG, RPC_INVALID_ARGUMENT },
                { -EILSEQ, RPC_INVALID_ARGUMENT },
                { -ENAMETOOLONG, RPC_INVALID_ARGUMENT },
                { -ETIMEDOUT, RPC_DEADLINE_EXCEEDED },
                { -ETIME, RPC_DEADLINE_EXCEEDED },
                { -ENOENT, RPC_NOT_FOUND },
                { -ENXIO, RPC_NOT_FOUND },
                { -ESRCH, RPC_NOT_FOUND },
                { -ENODEV, RPC_NOT_FOUND },
                { -ENODATA, RPC_NOT_FOUND },
                { -EEXIST, RPC_ALREADY_EXISTS },
                { -EACCES, RPC_PERMISSION_DENIED },
                { -EPERM, RPC_PERMISSION_DENIED },
                { -ENOBUFS, RPC_RESOURCE_EXHAUSTED },
                { -EMSGSIZE, RPC_RESOURCE_EXHAUSTED },
                { -EFBIG, RPC_RESOURCE_EXHAUSTED },
                { -E2BIG, RPC_RESOURCE_EXHAUSTED },
                { -ENOMEM, RPC_RESOURCE_EXHAUSTED },
                { -ENOSPC, RPC_RESOURCE_EXHAUSTED },
                { -EDQUOT, RPC_RESOURCE_EXHAUSTED },
                { -EMFILE, RPC_RESOURCE_EXHAUSTED },
                { -ENFILE, RPC_RESOURCE_EXHAUSTED },
                { -ENOEXEC, RPC_FAILED_PRECONDITION },
                { -EALREADY, RPC_FAILED_PRECONDITION },
                { -EBUSY, RPC_FAILED_PRECONDITION },
                { -EPIPE, RPC_FAILED_PRECONDITION },
                { -ENOTDIR, RPC_FAILED_PRECONDITION },
                { -EISDIR, RPC_FAILED_PRECONDITION },
                { -EROFS, RPC_FAILED_PRECONDITION },
                { -ELOOP, RPC_FAILED_PRECONDITION },
                { -EUNATCH, RPC_FAILED_PRECONDITION },
                { -EPROTO, RPC_FAILED_PRECONDITION },
                { -EADDRINUSE, RPC_FAILED_PRECONDITION },
                { -EDEADLK, RPC_ABORTED },
                { -EINTR, RPC_ABORTED },
                { -ECHILD, RPC_ABORTED },
                { -ERANGE, RPC_OUT_OF_RANGE },
                { -EOPNOTSUPP, RPC_UNIMPLEMENTED },
                { -ENOSYS, RPC_UNIMPLEMENTED },
                { -EIO, RPC_INTERNAL },
                { -EFAULT, RPC_INTERNAL },
                { -100000, RPC_INTERNAL },
                { -ENOTCONN, RPC_UNAVAILABLE },
                { -ECONNREFUSED, RPC_UNAVAILABLE },
                { -ECONNRESET, RPC_UNAVAILABLE },
                { -ECONNABORTED, RPC_UNAVAILABLE },
                { -EHOSTUNREACH, RPC_UNAVAILABLE },
                { -EHOSTDOWN, RPC_UNAVAILABLE },
                { -ENETUNREACH, RPC_UNAVAILABLE },
                { -ENETDOWN, RPC_UNAVAILABLE },
                { -ESHUTDOWN, RPC_UNAVAILABLE },
                { -EADDRNOTAVAIL, RPC_UNAVAILABLE },
                { -EAGAIN, RPC_UNAVAILABLE },
                { -EUCLEAN, RPC_DATA_LOSS },
                { -ENOKEY, RPC_UNAUTHENTICATED },
                { -EREMOTEIO, RPC_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (rpc_code_from_errno(table[i].error) != table[i].code)
                        fail_msg("%s is %s", strerror(-table[i].error),
                                        rpc_code_to_string(rpc_code_from_errno(table[i].error)));
}

static void test_code_to_errno(_unused_ void **state) {
        for (unsigned c = 0; c < RPC_CODE_MAX_; c++)
                assert_int_equal(rpc_code_from_errno(rpc_code_to_errno(c)), c); /* and back */
        assert_int_equal(rpc_code_to_errno(99), rpc_code_to_errno(RPC_UNKNOWN));
        assert_string_equal(rpc_code_to_string(-1), "UNKNOWN");
        assert_string_equal(rpc_code_to_string(RPC_NOT_FOUND), "NOT_FOUND");
        assert_string_equal(rpc_code_to_word(RPC_PERMISSION_DENIED), "PermissionDenied");
}

static void test_error(_unused_ void **state) {
        RpcStatus s = {};

        assert_int_equal(rpc_error(&s, RPC_NOT_FOUND, "No unit '%s'", "x"), -ENOENT);
        assert_int_equal(s.code, RPC_NOT_FOUND);
        assert_string_equal(s.message, "No unit 'x'");
        assert_int_equal(rpc_error_detail(&s, -ENOENT, "line %d", 3), -ENOENT);
        assert_string_equal(s.detail, "line 3");
        rpc_status_from_errno(&s, -EPERM); /* what has been said stays */
        assert_int_equal(s.code, RPC_NOT_FOUND);
        rpc_status_done(&s);
        assert_int_equal(rpc_error(NULL, RPC_UNAVAILABLE, "x"), -ENOTCONN);
        rpc_status_from_errno(NULL, -EIO);

        rpc_status_from_errno(&s, -EIO);
        assert_string_equal(s.message, "internal error"); /* nothing of our inside */
        rpc_status_done(&s);
        rpc_status_from_errno(&s, 0);
        assert_int_equal(s.code, RPC_OK);
        assert_null(s.message);
}

static void test_cut(_unused_ void **state) {
        char text[RPC_MESSAGE_SIZE_MAX * 2] = "";
        RpcStatus s = {};

        for (size_t i = 0; i + 3 < sizeof(text); i += 3)
                memcpy(text + i, "\xe4\xb8\x96", 4);
        (void) rpc_error(&s, RPC_INTERNAL, "%s", text);
        assert_in_range(strlen(s.message), RPC_MESSAGE_SIZE_MAX - 3, RPC_MESSAGE_SIZE_MAX);
        assert_true(str_is_utf8(s.message, strlen(s.message)));
        rpc_status_done(&s);
}

static void test_details(_unused_ void **state) {
        RpcStatus s = {}, back = {};
        size_t size;
        uint8_t *data;
        void *p;

        (void) rpc_error_detail(&s, rpc_error(&s, RPC_NOT_FOUND, "No unit"), "NoSuchUnit");
        assert_int_equal(str_replace(&s.reason, "UNIT_NOT_FOUND"), 1);
        assert_int_equal(status_pack_details(&s, &p, &size), 0);
        status_unpack_details(&back, p, size);
        assert_string_equal(back.reason, "UNIT_NOT_FOUND");
        assert_string_equal(back.detail, "NoSuchUnit");
        rpc_status_done(&back);

        data = p; /* foreign bytes do no harm, wherever they break */
        for (size_t n = 0; n < size; n++) {
                status_unpack_details(&back, data, n);
                rpc_status_done(&back);
                data[n] ^= 0x55;
                status_unpack_details(&back, data, size);
                rpc_status_done(&back);
                data[n] ^= 0x55;
        }
        free(p);
        rpc_status_done(&s);

        (void) rpc_error(&s, RPC_UNAVAILABLE, "x");
        assert_int_equal(status_pack_details(&s, &p, &size), 0);
        status_unpack_details(&back, p, size);
        assert_string_equal(back.reason, "UNAVAILABLE"); /* the code stands in for a reason */
        assert_null(back.detail);
        free(p);
        rpc_status_done(&s);
        rpc_status_done(&back);
}

static void test_time(_unused_ void **state) {
        assert_true(wire_time_to_usec(wire_time_from_usec(1234567)) == 1234567);
        assert_true(wire_time_to_usec(wire_time_from_usec(USEC_INFINITY)) == USEC_INFINITY);
        assert_true(wire_time_to_usec(gpr_inf_future(GPR_CLOCK_REALTIME)) == USEC_INFINITY);
        assert_true(wire_time_to_usec((gpr_timespec){ .tv_sec = -5, .clock_type = GPR_CLOCK_MONOTONIC }) == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errno_to_code),
                cmocka_unit_test(test_code_to_errno),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_details),
                cmocka_unit_test(test_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
