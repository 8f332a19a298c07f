/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus error names to errno: those of the bus, of systemd's manager and of NetworkManager. sd-bus has such a table,
 * too, but the names of systemd1 are private to systemd there, and NoReply means something else here (see below). */
#include "bus/bus-internal.h"

#include <stdlib.h>

#include "base/str.h"

#define DBUS(name)    "org.freedesktop.DBus.Error." name
#define NM(name)      "org.freedesktop.NetworkManager." name
#define SYSTEMD(name) "org.freedesktop.systemd1." name

static const struct {
        const char *name;
        int error;
} errors[] = {
        { DBUS("AccessDenied"), EACCES },
        { DBUS("AddressInUse"), EADDRINUSE },
        { DBUS("AuthFailed"), EACCES },
        { DBUS("BadAddress"), EADDRNOTAVAIL },
        { DBUS("Disconnected"), ECONNRESET },
        { DBUS("Failed"), EIO },
        { DBUS("FileExists"), EEXIST },
        { DBUS("FileNotFound"), ENOENT },
        { DBUS("IOError"), EIO },
        { DBUS("InconsistentMessage"), EBADMSG },
        /* Authorisation would need a person at an agent; there is none here. */
        { DBUS("InteractiveAuthorizationRequired"), EACCES },
        { DBUS("InvalidArgs"), EINVAL },
        { DBUS("InvalidFileContent"), EINVAL },
        { DBUS("InvalidSignature"), EINVAL },
        { DBUS("LimitsExceeded"), ENOBUFS },
        { DBUS("MatchRuleInvalid"), EINVAL },
        { DBUS("MatchRuleNotFound"), ENOENT },
        { DBUS("NameHasNoOwner"), ENOTCONN },
        { DBUS("NoMemory"), ENOMEM },
        { DBUS("NoNetwork"), ENOTCONN },
        /* Our own calls time out by the caller's deadline, never inside sd-bus: this is a peer that went away with the
         * call in hand, and whether it did the work is unknown. */
        { DBUS("NoReply"), ECONNRESET },
        { DBUS("NoServer"), ENOTCONN },
        { DBUS("NotSupported"), EOPNOTSUPP },
        { DBUS("ObjectPathInUse"), EBUSY },
        { DBUS("PropertyReadOnly"), EROFS },
        { DBUS("SELinuxSecurityContextUnknown"), ESRCH },
        { DBUS("ServiceUnknown"), ENOTCONN },
        { DBUS("Spawn.ChildExited"), ENOTCONN },
        { DBUS("Spawn.ChildSignaled"), ENOTCONN },
        { DBUS("Spawn.ExecFailed"), ENOTCONN },
        { DBUS("Spawn.ServiceNotFound"), ENOTCONN },
        { DBUS("TimedOut"), ETIMEDOUT },
        { DBUS("Timeout"), ETIMEDOUT },
        { DBUS("UnixProcessIdUnknown"), ESRCH },
        { DBUS("UnknownInterface"), EOPNOTSUPP },
        { DBUS("UnknownMethod"), EOPNOTSUPP },
        { DBUS("UnknownObject"), ENOENT },
        { DBUS("UnknownProperty"), EOPNOTSUPP },
        { NM("Device.NotActive"), EHOSTDOWN },
        { NM("Device.PermissionDenied"), EACCES },
        { NM("PermissionDenied"), EACCES },
        { NM("Settings.Connection.InvalidProperty"), EINVAL },
        { NM("Settings.Connection.InvalidSetting"), EINVAL },
        { NM("Settings.Connection.MissingProperty"), EINVAL },
        { NM("Settings.Connection.MissingSetting"), EINVAL },
        { NM("Settings.PermissionDenied"), EACCES },
        { NM("UnknownConnection"), ENOENT },
        { NM("UnknownDevice"), ENOENT },
        { SYSTEMD("AlreadySubscribed"), EALREADY },
        { SYSTEMD("BadUnitSetting"), ENOEXEC },
        { SYSTEMD("ConcurrencyLimitReached"), EBUSY },
        { SYSTEMD("DiskFull"), ENOSPC },
        { SYSTEMD("FileDescriptorStoreDisabled"), EOPNOTSUPP },
        { SYSTEMD("FreezeCancelled"), EINTR },
        { SYSTEMD("JobFailed"), EIO },
        { SYSTEMD("JobTypeNotApplicable"), EOPNOTSUPP },
        { SYSTEMD("LoadFailed"), ENOEXEC },
        { SYSTEMD("NoIsolation"), EPERM },
        { SYSTEMD("NoSuchDynamicUser"), ESRCH },
        { SYSTEMD("NoSuchJob"), ENOENT },
        { SYSTEMD("NoSuchProcess"), ESRCH },
        { SYSTEMD("NoSuchUnit"), ENOENT },
        { SYSTEMD("NoUnitForInvocationID"), ENOENT },
        { SYSTEMD("NoUnitForPID"), ESRCH },
        { SYSTEMD("NotReferenced"), EUNATCH },
        { SYSTEMD("NotSubscribed"), EINVAL },
        { SYSTEMD("OnlyByDependency"), EPERM },
        { SYSTEMD("ScopeNotRunning"), EHOSTDOWN },
        { SYSTEMD("ShuttingDown"), ESHUTDOWN },
        { SYSTEMD("TransactionIsDestructive"), EDEADLK },
        { SYSTEMD("TransactionJobsConflicting"), EDEADLK },
        { SYSTEMD("TransactionOrderIsCyclic"), EDEADLK },
        { SYSTEMD("UnitBusy"), EBUSY },
        { SYSTEMD("UnitExists"), EEXIST },
        { SYSTEMD("UnitGenerated"), EADDRNOTAVAIL },
        { SYSTEMD("UnitInactive"), EHOSTDOWN },
        { SYSTEMD("UnitLinked"), ELOOP },
        { SYSTEMD("UnitMasked"), ENOEXEC },
};

int bus_error_to_errno(const char *name) {
        if (!name)
                return -EIO;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (streq(name, errors[i].name))
                        return -errors[i].error;
        /* What sd-bus servers make of a plain errno; ECANCELED is kept for our own fibers. */
        if (startswith(name, "System.Error.")) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                int r;

                r = sd_bus_error_set(&e, name, NULL);
                return r == -ECANCELED ? -EINTR : r < 0 ? r : -EIO;
        }
        return -EIO;
}

void bus_error_done(BusError *e) {
        if (!e)
                return;
        free(e->name);
        free(e->message);
        *e = (BusError){};
}

static void bus_error_set(BusError *reterr, const char *name, char *message) {
        if (!reterr) {
                free(message);
                return;
        }
        bus_error_done(reterr);
        *reterr = (BusError){ strdup(name), message };
        if (!reterr->name)
                bus_error_done(reterr);
}

void bus_error_copy(BusError *reterr, const sd_bus_error *e) {
        bus_error_set(reterr, e->name, e->message ? strdup(e->message) : NULL);
}

void bus_error_setf(BusError *reterr, const char *name, const char *fmt, ...) {
        char *message;
        va_list ap;

        va_start(ap, fmt);
        message = strvf(fmt, ap);
        va_end(ap);
        bus_error_set(reterr, name, message);
}
