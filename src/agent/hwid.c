/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hwid.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define LIST_MAX ((size_t) 1024 * 1024)

static void get_permanent(int fd, struct ifreq *request, uint8_t ret[HWID_ADDRESS_SIZE]) {
        union {
                struct ethtool_perm_addr head;
                uint8_t space[sizeof(struct ethtool_perm_addr) + HWID_ADDRESS_SIZE];
        } asked = { .head = { .cmd = ETHTOOL_GPERMADDR, .size = HWID_ADDRESS_SIZE } };

        request->ifr_data = (void *) &asked;
        if (ioctl(fd, SIOCETHTOOL, request) >= 0 && asked.head.size == HWID_ADDRESS_SIZE)
                memcpy(ret, asked.space + offsetof(struct ethtool_perm_addr, data), HWID_ADDRESS_SIZE);
}

int hwid_get_link(const char *interface, HwidLink *ret) {
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {};
        HwidLink link = {};

        if (fd < 0)
                return -errno;
        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
        if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return -errno;
        link.running = request.ifr_flags & IFF_UP && request.ifr_flags & IFF_RUNNING;
        if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
                return -errno;
        if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
                return -EBADMSG;
        memcpy(link.current, request.ifr_hwaddr.sa_data, HWID_ADDRESS_SIZE);
        get_permanent(fd, &request, link.permanent);
        *ret = link;
        return 0;
}

/* The first of that kind in the order of names; two lines of headings have no colon. 0, or -ENODEV. */
static int find_first(const char *list, const char *prefix, char ret[IFNAMSIZ]) {
        char first[IFNAMSIZ] = "";

        for (const char *line = list; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *name = line + strspn(line, " ");
                size_t n = strcspn(name, ": |\n");

                if (name[n] != ':' || n >= IFNAMSIZ || !startswith(name, prefix) ||
                                (first[0] && strncmp(name, first, n) >= 0))
                        continue;
                memcpy(first, name, n);
                first[n] = 0;
        }
        if (isempty(first))
                return -ENODEV;
        strcpy(ret, first);
        return 0;
}

static int find_interface(const char *root, const char *named, char ret[IFNAMSIZ]) {
        _cleanup_free_ char *path = NULL, *list = NULL;
        int r;

        if (!isempty(named)) {
                (void) snprintf(ret, IFNAMSIZ, "%s", named);
                return strlen(named) < IFNAMSIZ ? 0 : -ENODEV;
        }
        path = strf("%s/proc/net/dev", root);
        r = path ? file_read(path, LIST_MAX, &list, NULL) : -ENOMEM;
        if (r < 0)
                return r;
        r = find_first(list, "wl", ret);
        return r == -ENODEV ? find_first(list, "en", ret) : r;
}

int hwid_read(const char *root, const char *interface, hwid_link_t get_link, char **ret) {
        static const uint8_t null[HWID_ADDRESS_SIZE];
        char name[IFNAMSIZ];
        const uint8_t *a;
        HwidLink link;
        int r;

        r = find_interface(root, interface, name);
        if (r >= 0)
                r = get_link(name, &link);
        if (r < 0)
                return r;
        a = link.permanent;
        if (memcmp(a, null, sizeof(null)) == 0) {
                if (!link.running)
                        return -ENETDOWN;
                a = link.current;
        }
        *ret = strf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
        return *ret ? 0 : -ENOMEM;
}
