/* SPDX-License-Identifier: Apache-2.0 */
#include "event/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fd.h"

/* The length of the address, or 0 when $NOTIFY_SOCKET names none. */
static socklen_t notify_get_address(struct sockaddr_un *ret) {
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;

        if (n < 2 || n >= sizeof(ret->sun_path) || (path[0] != '/' && path[0] != '@'))
                return 0;
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path, path, n);
        if (path[0] == '@')
                ret->sun_path[0] = 0;
        return offsetof(struct sockaddr_un, sun_path) + n;
}

static int notify_open(usec_t wait_usec) {
        struct timeval tv = { .tv_sec = wait_usec / USEC_PER_SEC, .tv_usec = wait_usec % USEC_PER_SEC };
        _cleanup_close_ int s = -EBADF;

        s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
                return -errno;
        return TAKE_FD(s);
}

int notify_send(const char *state, int fd, usec_t wait_usec) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { (char *) state, strlen(state) };
        struct sockaddr_un sa;
        struct msghdr message = { .msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1 };
        _cleanup_close_ int s = -EBADF;

        message.msg_namelen = notify_get_address(&sa);
        if (message.msg_namelen == 0)
                return 0;
        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        }
        s = notify_open(wait_usec);
        if (s < 0)
                return s;
        /* A timeout of 0 is none. */
        return sendmsg(s, &message, MSG_NOSIGNAL | (wait_usec == 0 ? MSG_DONTWAIT : 0)) < 0 ? -errno : 1;
}
