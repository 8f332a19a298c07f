/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/self; see the header. */

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "interop/self.h"

unsigned self_count_fds(void) {
        struct dirent *e;
        unsigned n = 0;
        DIR *d;

        d = opendir("/proc/self/fd");
        if (!d)
                return 0;
        while ((e = readdir(d)))
                n += e->d_name[0] != '.';
        closedir(d);

        /* Less the one that counts. */
        return n - 1;
}

uint64_t self_rss_kb(void) {
        unsigned long long size, resident = 0;
        FILE *f;

        f = fopen("/proc/self/statm", "re");
        if (!f)
                return 0;
        if (fscanf(f, "%llu %llu", &size, &resident) != 2)
                resident = 0;
        fclose(f);

        return resident * (unsigned long long) sysconf(_SC_PAGESIZE) / 1024;
}

uint64_t self_heap_kb(void) {
        struct mallinfo2 m = mallinfo2();

        return (m.uordblks + m.hblkhd) / 1024;
}
