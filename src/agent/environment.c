/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/environment.h"

#include "agent/config-environment.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

/* systemd.exec(5), "Environment Variables in Spawned Processes": about the unit that a process is in. An entry that
 * ends in '_' stands for all that begin so. */
static const char *const private[] = {
        "CACHE_DIRECTORY",
        "CONFIGURATION_DIRECTORY",
        "CREDENTIALS_DIRECTORY",
        "ENCRYPTED_CREDENTIALS_DIRECTORY",
        "EXIT_CODE",
        "EXIT_STATUS",
        "FDSTORE",
        "GIVC_",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_",
        "LOGS_DIRECTORY",
        "LOG_NAMESPACE",
        "MAINPID",
        "MANAGERPID",
        "MEMORY_PRESSURE_",
        "MONITOR_",
        "NOTIFY_SOCKET",
        "PIDFILE",
        "REMOTE_",
        "RUNTIME_DIRECTORY",
        "SERVICE_RESULT",
        "STATE_DIRECTORY",
        "SYSTEMD_EXEC_PID",
        "TRIGGER_",
        "WATCHDOG_",
};

static bool is_private(const char *assignment) {
        for (size_t i = 0; i < ELEMENTSOF(private); i++) {
                const char *rest = startswith(assignment, private[i]);

                if (rest && (*rest == '=' || endswith(private[i], "_")))
                        return true;
        }
        return false;
}

size_t environment_name_length(const char *s) {
        size_t n = strspn(s,
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_");

        return n > 0 && strchr("0123456789", s[0]) == NULL ? n : 0;
}

bool environment_pattern_is_valid(const char *pattern) {
        const char *rest = pattern + environment_name_length(pattern);

        return streq(rest, "*") || (rest > pattern && isempty(rest));
}

bool environment_name_matches(const char *name, const char *pattern) {
        size_t n = strcspn(pattern, "*");

        return pattern[n] ? strncmp(name, pattern, n) == 0 : streq(name, pattern);
}

/* One bad assignment, such as a function that a shell exports, and systemd refuses the whole unit. */
static bool is_acceptable(const char *assignment) {
        size_t n = environment_name_length(assignment);

        return n > 0 && assignment[n] == '=' && str_is_utf8(assignment, strlen(assignment));
}

int environment_for_applications(char *const *own, bool configured, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        for (; own && *own; own++) {
                if (!is_acceptable(*own) || is_private(*own) || (configured && config_environment_has(*own)))
                        continue;
                r = strv_extend(&l, *own);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}
