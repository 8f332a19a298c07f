/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

/* The line that begins so, behind its first word; NULL when there is none. */
static const char *find_line(const char *text, const char *prefix) {
        for (const char *line = text; line;) {
                const char *rest = startswith(line, prefix);

                if (rest)
                        return rest;
                line = strchr(line, '\n');
                line = line ? line + 1 : NULL;
        }
        return NULL;
}

int proc_parse_times(const char *text, ProcTimes *ret) {
        enum { USER, NICE, SYSTEM, IDLE, WAITING, IRQ, SOFTIRQ, STOLEN, N_TIMES };
        const char *line = find_line(text, "cpu ");
        ProcTimes times = {};
        uint64_t t[N_TIMES];
        char *end;

        if (!line)
                return -EBADMSG;
        for (size_t i = 0; i < N_TIMES; i++) {
                t[i] = strtoull(line, &end, 10);
                if (end == line)
                        return -EBADMSG;
                line = end;
                times.total += t[i];
        }
        times.user = t[USER] + t[NICE];
        times.system = t[SYSTEM] + t[IRQ] + t[SOFTIRQ];
        for (line = strchr(text, '\n'); line && startswith(line, "\ncpu"); line = strchr(line + 1, '\n'))
                times.n_cpus += isdigit((unsigned char) line[4]) ? 1 : 0;
        *ret = times;
        return 0;
}

/* The name may have any bytes in it, and ends at the last parenthesis. */
int proc_parse_process(const char *text, ProcProcess *ret) {
        const char *begin = strchr(text, '('), *end = strrchr(text, ')');
        ProcProcess p = {};
        uint64_t pages;
        int n;

        if (!begin || !end || end < begin)
                return -EBADMSG;
        (void) snprintf(p.name, sizeof(p.name), "%.*s", (int) MIN((size_t) (end - begin - 1), sizeof(p.name) - 1),
                        begin + 1);
        str_make_utf8(p.name, '?');
        n = sscanf(end + 1,
                        " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                        " %*d %*d %*d %*d %*d %*d %" SCNu64 " %*u %" SCNu64,
                        &p.state, &p.user, &p.system, &p.start, &pages);
        if (n != 5)
                return -EBADMSG;
        p.resident = pages * (uint64_t) sysconf(_SC_PAGESIZE);
        *ret = p;
        return 0;
}

int proc_parse_memory(const char *text, ProcMemory *ret) {
        ProcMemory m = {};
        const struct {
                const char *key;
                uint64_t *value;
        } rows[] = {
                { "MemTotal:", &m.total },
                { "MemFree:", &m.free },
                { "MemAvailable:", &m.available },
                { "Cached:", &m.cached },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *line = find_line(text, rows[i].key);
                char *end;

                if (!line)
                        return -EBADMSG;
                *rows[i].value = strtoull(line, &end, 10) * 1024;
                if (!startswith(end, " kB"))
                        return -EBADMSG;
        }
        *ret = m;
        return 0;
}

int proc_parse_load(const char *text, float ret[3]) {
        float load[3];

        if (sscanf(text, "%f %f %f ", &load[0], &load[1], &load[2]) != 3)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(load); i++)
                ret[i] = load[i];
        return 0;
}
