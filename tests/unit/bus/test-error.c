/* SPDX-License-Identifier: Apache-2.0 */
/* The table of D-Bus errors, in full, and what sd-bus itself makes of the names that both know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bus/bus-connection.h"

static const struct {
        const char *name;
        int error;
} rows[] = {
        { "org.freedesktop.DBus.Error.AccessDenied", -EACCES },
        { "org.freedesktop.DBus.Error.AddressInUse", -EADDRINUSE },
        { "org.freedesktop.DBus.Error.AuthFailed", -EACCES },
        { "org.freedesktop.DBus.Error.BadAddress", -EADDRNOTAVAIL },
        { "org.freedesktop.DBus.Error.Disconnected", -ECONNRESET },
        { "org.freedesktop.DBus.Error.Failed", -EIO },
        { "org.freedesktop.DBus.Error.FileExists", -EEXIST },
        { "org.freedesktop.DBus.Error.FileNotFound", -ENOENT },
        { "org.freedesktop.DBus.Error.IOError", -EIO },
        { "org.freedesktop.DBus.Error.InconsistentMessage", -EBADMSG },
        { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", -EACCES },
        { "org.freedesktop.DBus.Error.InvalidArgs", -EINVAL },
        { "org.freedesktop.DBus.Error.InvalidFileContent", -EINVAL },
        { "org.freedesktop.DBus.Error.InvalidSignature", -EINVAL },
        { "org.freedesktop.DBus.Error.LimitsExceeded", -ENOBUFS },
        { "org.freedesktop.DBus.Error.MatchRuleInvalid", -EINVAL },
        { "org.freedesktop.DBus.Error.MatchRuleNotFound", -ENOENT },
        { "org.freedesktop.DBus.Error.NameHasNoOwner", -ENOTCONN },
        { "org.freedesktop.DBus.Error.NoMemory", -ENOMEM },
        { "org.freedesktop.DBus.Error.NoNetwork", -ENOTCONN },
        { "org.freedesktop.DBus.Error.NoReply", -ECONNRESET },
        { "org.freedesktop.DBus.Error.NoServer", -ENOTCONN },
        { "org.freedesktop.DBus.Error.NotSupported", -EOPNOTSUPP },
        { "org.freedesktop.DBus.Error.ObjectPathInUse", -EBUSY },
        { "org.freedesktop.DBus.Error.PropertyReadOnly", -EROFS },
        { "org.freedesktop.DBus.Error.SELinuxSecurityContextUnknown", -ESRCH },
        { "org.freedesktop.DBus.Error.ServiceUnknown", -ENOTCONN },
        { "org.freedesktop.DBus.Error.Spawn.ChildExited", -ENOTCONN },
        { "org.freedesktop.DBus.Error.Spawn.ChildSignaled", -ENOTCONN },
        { "org.freedesktop.DBus.Error.Spawn.ExecFailed", -ENOTCONN },
        { "org.freedesktop.DBus.Error.Spawn.ServiceNotFound", -ENOTCONN },
        { "org.freedesktop.DBus.Error.TimedOut", -ETIMEDOUT },
        { "org.freedesktop.DBus.Error.Timeout", -ETIMEDOUT },
        { "org.freedesktop.DBus.Error.UnixProcessIdUnknown", -ESRCH },
        { "org.freedesktop.DBus.Error.UnknownInterface", -EOPNOTSUPP },
        { "org.freedesktop.DBus.Error.UnknownMethod", -EOPNOTSUPP },
        { "org.freedesktop.DBus.Error.UnknownObject", -ENOENT },
        { "org.freedesktop.DBus.Error.UnknownProperty", -EOPNOTSUPP },
        { "org.freedesktop.NetworkManager.Device.NotActive", -EHOSTDOWN },
        { "org.freedesktop.NetworkManager.Device.PermissionDenied", -EACCES },
        { "org.freedesktop.NetworkManager.PermissionDenied", -EACCES },
        { "org.freedesktop.NetworkManager.Settings.Connection.InvalidProperty", -EINVAL },
        { "org.freedesktop.NetworkManager.Settings.Connection.InvalidSetting", -EINVAL },
        { "org.freedesktop.NetworkManager.Settings.Connection.MissingProperty", -EINVAL },
        { "org.freedesktop.NetworkManager.Settings.Connection.MissingSetting", -EINVAL },
        { "org.freedesktop.NetworkManager.Settings.PermissionDenied", -EACCES },
        { "org.freedesktop.NetworkManager.UnknownConnection", -ENOENT },
        { "org.freedesktop.NetworkManager.UnknownDevice", -ENOENT },
        { "org.freedesktop.systemd1.AlreadySubscribed", -EALREADY },
        { "org.freedesktop.systemd1.BadUnitSetting", -ENOEXEC },
        { "org.freedesktop.systemd1.ConcurrencyLimitReached", -EBUSY },
        { "org.freedesktop.systemd1.DiskFull", -ENOSPC },
        { "org.freedesktop.systemd1.FileDescriptorStoreDisabled", -EOPNOTSUPP },
        { "org.freedesktop.systemd1.FreezeCancelled", -EINTR },
        { "org.freedesktop.systemd1.JobFailed", -EIO },
        { "org.freedesktop.systemd1.JobTypeNotApplicable", -EOPNOTSUPP },
        { "org.freedesktop.systemd1.LoadFailed", -ENOEXEC },
        { "org.freedesktop.systemd1.NoIsolation", -EPERM },
        { "org.freedesktop.systemd1.NoSuchDynamicUser", -ESRCH },
        { "org.freedesktop.systemd1.NoSuchJob", -ENOENT },
        { "org.freedesktop.systemd1.NoSuchProcess", -ESRCH },
        { "org.freedesktop.systemd1.NoSuchUnit", -ENOENT },
        { "org.freedesktop.systemd1.NoUnitForInvocationID", -ENOENT },
        { "org.freedesktop.systemd1.NoUnitForPID", -ESRCH },
        { "org.freedesktop.systemd1.NotReferenced", -EUNATCH },
        { "org.freedesktop.systemd1.NotSubscribed", -EINVAL },
        { "org.freedesktop.systemd1.OnlyByDependency", -EPERM },
        { "org.freedesktop.systemd1.ScopeNotRunning", -EHOSTDOWN },
        { "org.freedesktop.systemd1.ShuttingDown", -ESHUTDOWN },
        { "org.freedesktop.systemd1.TransactionIsDestructive", -EDEADLK },
        { "org.freedesktop.systemd1.TransactionJobsConflicting", -EDEADLK },
        { "org.freedesktop.systemd1.TransactionOrderIsCyclic", -EDEADLK },
        { "org.freedesktop.systemd1.UnitBusy", -EBUSY },
        { "org.freedesktop.systemd1.UnitExists", -EEXIST },
        { "org.freedesktop.systemd1.UnitGenerated", -EADDRNOTAVAIL },
        { "org.freedesktop.systemd1.UnitInactive", -EHOSTDOWN },
        { "org.freedesktop.systemd1.UnitLinked", -ELOOP },
        { "org.freedesktop.systemd1.UnitMasked", -ENOEXEC },
        { "System.Error.EBUSY", -EBUSY },
        { "System.Error.ENOENT", -ENOENT },
        { "System.Error.ECANCELED", -EINTR },
        { "System.Error.ENOSUCHERRNO", -EIO },
        { "org.example.Nonsense", -EIO },
        { "org.freedesktop.DBus.Error.NoSuchErrorEver", -EIO },
        { "", -EIO },
        { NULL, -EIO },
};

static void test_table(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r = bus_error_to_errno(rows[i].name);

                if (r != rows[i].error)
                        fail_msg("'%s' is %i, not %i", rows[i].name, r, rows[i].error);
        }
}

/* Every error that sd-bus' header names has a row of its own. */
static void test_sd_bus_knows_no_more(_unused_ void **state) {
        static const char *const names[] = { SD_BUS_ERROR_FAILED, SD_BUS_ERROR_NO_MEMORY, SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_IO_ERROR, SD_BUS_ERROR_BAD_ADDRESS,
                SD_BUS_ERROR_NOT_SUPPORTED, SD_BUS_ERROR_LIMITS_EXCEEDED, SD_BUS_ERROR_ACCESS_DENIED,
                SD_BUS_ERROR_AUTH_FAILED, SD_BUS_ERROR_NO_SERVER, SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_NO_NETWORK,
                SD_BUS_ERROR_ADDRESS_IN_USE, SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_INVALID_ARGS,
                SD_BUS_ERROR_FILE_NOT_FOUND, SD_BUS_ERROR_FILE_EXISTS, SD_BUS_ERROR_UNKNOWN_METHOD,
                SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                SD_BUS_ERROR_PROPERTY_READ_ONLY, SD_BUS_ERROR_UNIX_PROCESS_ID_UNKNOWN, SD_BUS_ERROR_INVALID_SIGNATURE,
                SD_BUS_ERROR_INCONSISTENT_MESSAGE, SD_BUS_ERROR_MATCH_RULE_INVALID, SD_BUS_ERROR_MATCH_RULE_NOT_FOUND,
                SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                bool found = false;

                for (size_t j = 0; j < ELEMENTSOF(rows); j++)
                        found |= rows[j].name && strcmp(rows[j].name, names[i]) == 0;
                if (!found)
                        fail_msg("'%s' is not tested", names[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_sd_bus_knows_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
