/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sysinfo.h"

#include <dirent.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define VARIABLE     "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define VARIABLE_MAX 64 /* four bytes of attributes and one of value */
#define UUID_MAX     256

int sysinfo_get_secure_boot(const char *root) {
        _cleanup_free_ char *path = strf("%s" VARIABLE, root), *value = NULL;
        size_t size;
        int r;

        if (!path)
                return -ENOMEM;
        r = file_read(path, VARIABLE_MAX, &value, &size);
        if (r < 0)
                return r;
        return size == 5 ? value[4] == 1 : -EBADMSG;
}

/* A volume of the device mapper says of what kind it is. */
static bool device_is_encrypted(const char *root, const char *name) {
        _cleanup_free_ char *path = strf("%s/sys/block/%s/dm/uuid", root, name), *uuid = NULL;

        return path && file_read(path, UUID_MAX, &uuid, NULL) >= 0 && startswith(uuid, "CRYPT-");
}

int sysinfo_get_disk_encrypted(const char *root) {
        _cleanup_free_ char *path = strf("%s/sys/block", root);
        const struct dirent *entry;
        _cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
        int r = 0;

        if (!d)
                return path ? -errno : -ENOMEM;
        while (r == 0 && (entry = readdir(d)))
                r = entry->d_name[0] != '.' && device_is_encrypted(root, entry->d_name);
        return r;
}
