/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

#define LISTEN_BACKLOG 512
#define HOST_SIZE_MAX  253

static int address_fail(char **reterr, const char *text, const char *why) {
        if (reterr)
                *reterr = strf("'%s': %s", text, why);
        return -EINVAL;
}

/* A link-local address carries its interface: fe80::1%eth0. */
static bool is_v6(const char *host) {
        char ip[INET6_ADDRSTRLEN];
        size_t n = strcspn(host, "%"), n_scope = strlen(host + n);
        struct in6_addr v6;

        if (n >= sizeof(ip) || n_scope == 1 || n_scope > IFNAMSIZ)
                return false;
        memcpy(ip, host, n);
        ip[n] = 0;
        return inet_pton(AF_INET6, ip, &v6) == 1;
}

static int address_parse_tcp(const char *text, const char *s, RpcAddress *a, char **reterr) {
        const char *port = strrchr(s, ':'), *host = s;
        size_t n = port ? (size_t) (port - s) : 0;
        uint16_t number;

        if (!port || n == 0)
                return address_fail(reterr, text, "expected HOST:PORT");
        if (parse_port(port + 1, &number) < 0)
                return address_fail(reterr, text, "the port is not a number from 1 to 65535");
        if (host[0] == '[') {
                if (n < 3 || host[n - 1] != ']')
                        return address_fail(reterr, text, "a '[' without its ']'");
                host++;
                n -= 2;
        } else if (memchr(host, ':', n))
                return address_fail(reterr, text, "an IPv6 address is written in brackets, [::1]:9001");
        if (n > HOST_SIZE_MAX)
                return address_fail(reterr, text, "the host name is too long");
        a->kind = RPC_ADDRESS_TCP;
        a->port = number;
        a->host = strndup(host, n);
        if (!a->host)
                return -ENOMEM;
        if (host != s && !is_v6(a->host))
                return address_fail(reterr, text, "not an IPv6 address between the brackets");
        return 0;
}

static int address_parse_unix(const char *text, const char *path, RpcAddress *a, char **reterr) {
        size_t n = strlen(path);

        if (n == 0 || streq(path, "@"))
                return address_fail(reterr, text, "the socket has no name");
        if (n >= sizeof(((struct sockaddr_un *) NULL)->sun_path))
                return address_fail(reterr, text, "the socket's path is longer than a unix socket can have");
        a->kind = RPC_ADDRESS_UNIX;
        a->host = strdup(path);
        return a->host ? 0 : -ENOMEM;
}

static int parse_cid(const char *s, unsigned *ret) {
        static const struct {
                const char *name;
                unsigned cid;
        } names[] = {
                { "host", VMADDR_CID_HOST },
                { "local", VMADDR_CID_LOCAL },
                { "any", VMADDR_CID_ANY },
        };
        uint64_t v;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(s, names[i].name) == 0) {
                        *ret = names[i].cid;
                        return 0;
                }
        r = parse_uint(s, UINT32_MAX, &v);
        if (r >= 0)
                *ret = v;
        return r;
}

static int address_parse_vsock(const char *text, const char *s, RpcAddress *a, char **reterr) {
        _cleanup_free_ char *cid = NULL;
        const char *port = strrchr(s, ':');
        uint64_t number;

        if (!port)
                return address_fail(reterr, text, "expected vsock:CID:PORT");
        cid = strndup(s, port - s);
        if (!cid)
                return -ENOMEM;
        if (parse_cid(cid, &a->cid) < 0)
                return address_fail(reterr, text, "the CID is not a number, host, local or any");
        if (parse_uint(port + 1, UINT32_MAX, &number) < 0 || number == 0)
                return address_fail(reterr, text, "the port is not a number above 0");
        a->kind = RPC_ADDRESS_VSOCK;
        a->port = number;
        return 0;
}

static int address_parse_passed(const char *text, const char *s, RpcAddress *a, char **reterr) {
        if (*s && *s != ':')
                return address_fail(reterr, text, "expected sd-listen, sd-listen:NAME or sd-listen:*");
        if (*s == ':' && s[1] == 0)
                return address_fail(reterr, text, "the name after sd-listen: is empty");
        a->kind = RPC_ADDRESS_PASSED;
        a->host = strdup(*s == ':' ? s + 1 : "");
        return a->host ? 0 : -ENOMEM;
}

static int address_parse_any(const char *s, RpcAddress *a, char **reterr) {
        static const char *const passed[] = { "sd-listen-unix", "sd-listen", "SD_LISTEN", "sd_listen" };
        const char *rest;

        for (size_t i = 0; i < ELEMENTSOF(passed); i++) {
                rest = startswith(s, passed[i]);
                if (rest)
                        return address_parse_passed(s, rest, a, reterr);
        }
        rest = startswith(s, "unix:");
        if (rest || s[0] == '/' || s[0] == '@' || startswith(s, "./"))
                return address_parse_unix(s, rest ? rest : s, a, reterr);
        rest = startswith(s, "vsock:");
        if (rest)
                return address_parse_vsock(s, rest, a, reterr);
        rest = startswith(s, "tcp:");
        return address_parse_tcp(s, rest ? rest : s, a, reterr);
}

int rpc_address_parse(const char *s, RpcAddress *ret, char **reterr) {
        RpcAddress a = {};
        int r;

        r = str_is_printable(s) ? address_parse_any(s, &a, reterr) : -EINVAL;
        if (r < 0) {
                if (!str_is_printable(s) && reterr)
                        *reterr = strdup("the address has characters that cannot be printed");
                rpc_address_done(&a);
                return r;
        }
        *ret = a;
        return 0;
}

int rpc_address_from_transport(
                const char *protocol, const char *address, const char *port, RpcAddress *ret, char **reterr) {
        _cleanup_free_ char *text = NULL;

        if (streq(protocol, "tcp"))
                text = strf(strchr(address, ':') && *address != '[' ? "tcp:[%s]:%s" : "tcp:%s:%s", address, port);
        else if (streq(protocol, "unix"))
                text = strf("unix:%s", address);
        else if (streq(protocol, "abstract"))
                text = strf("unix:@%s", address);
        else if (streq(protocol, "vsock"))
                text = strf("vsock:%s:%s", address, port);
        else
                return address_fail(reterr, protocol, "the protocol is not tcp, unix, abstract or vsock");
        return text ? rpc_address_parse(text, ret, reterr) : -ENOMEM;
}

void rpc_address_done(RpcAddress *a) {
        free(a->host);
        *a = (RpcAddress){};
}

int rpc_address_copy(const RpcAddress *a, RpcAddress *ret) {
        RpcAddress copy = *a;

        if (a->host) {
                copy.host = strdup(a->host);
                if (!copy.host)
                        return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

char *rpc_address_to_string(const RpcAddress *a) {
        switch (a->kind) {
        case RPC_ADDRESS_TCP:
                return strf(strchr(a->host, ':') ? "tcp:[%s]:%u" : "tcp:%s:%u", a->host, a->port);
        case RPC_ADDRESS_UNIX:
                return strf("unix:%s", a->host);
        case RPC_ADDRESS_VSOCK:
                return a->cid == VMADDR_CID_ANY ? strf("vsock:any:%u", a->port) : strf("vsock:%u:%u", a->cid, a->port);
        case RPC_ADDRESS_PASSED:
                return strf(*a->host ? "sd-listen:%s" : "sd-listen", a->host);
        }
        return NULL;
}

typedef union SocketAddress {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_vm vm;
} SocketAddress;

static int sockaddr_from_ip(const RpcAddress *a, SocketAddress *ret, socklen_t *ret_size) {
        char host[HOST_SIZE_MAX + 1];
        char *scope;

        if (inet_pton(AF_INET, a->host, &ret->in.sin_addr) == 1) {
                ret->in.sin_family = AF_INET;
                ret->in.sin_port = htons(a->port);
                *ret_size = sizeof(ret->in);
                return 0;
        }
        (void) snprintf(host, sizeof(host), "%s", a->host);
        scope = strchr(host, '%');
        if (scope) {
                *scope++ = 0;
                ret->in6.sin6_scope_id = if_nametoindex(scope);
                if (ret->in6.sin6_scope_id == 0)
                        return -ENODEV;
        }
        if (inet_pton(AF_INET6, host, &ret->in6.sin6_addr) != 1)
                return -EINVAL;
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(a->port);
        *ret_size = sizeof(ret->in6);
        return 0;
}

static int sockaddr_from_address(const RpcAddress *a, SocketAddress *ret, socklen_t *ret_size) {
        size_t n;

        *ret = (SocketAddress){};
        switch (a->kind) {
        case RPC_ADDRESS_TCP:
                return sockaddr_from_ip(a, ret, ret_size);
        case RPC_ADDRESS_UNIX:
                n = strlen(a->host);
                ret->un.sun_family = AF_UNIX;
                memcpy(ret->un.sun_path, a->host, n);
                if (a->host[0] == '@')
                        ret->un.sun_path[0] = 0;
                *ret_size = offsetof(struct sockaddr_un, sun_path) + n + (a->host[0] != '@');
                return 0;
        case RPC_ADDRESS_VSOCK:
                ret->vm.svm_family = AF_VSOCK;
                ret->vm.svm_cid = a->cid;
                ret->vm.svm_port = a->port;
                *ret_size = sizeof(ret->vm);
                return 0;
        default:
                return -EINVAL;
        }
}

/* A socket file that its last owner has left behind: nobody answers. Anything else there is not ours to remove. */
static int unix_unlink_stale(const SocketAddress *sa, socklen_t size) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (sa->un.sun_path[0] == 0 || lstat(sa->un.sun_path, &st) < 0)
                return 0;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, &sa->sa, size) >= 0 || errno != ECONNREFUSED)
                return -EADDRINUSE;
        return unlink(sa->un.sun_path) < 0 ? -errno : 0;
}

static int unix_give(const char *path, mode_t mode, gid_t group) {
        struct stat st;

        if (lstat(path, &st) < 0)
                return -errno;
        /* Who has that group may not be permitted to give anything to another one. */
        if (group != (gid_t) -1 && group != st.st_gid && chown(path, (uid_t) -1, group) < 0)
                return -errno;
        return chmod(path, mode != 0 ? mode : 0660) < 0 ? -errno : 0;
}

static int unix_bind(int fd, const SocketAddress *sa, socklen_t size, mode_t mode, gid_t group) {
        mode_t saved;
        int r;

        r = unix_unlink_stale(sa, size);
        if (r < 0)
                return r;
        /* Nobody may come in before mode and group are what they shall be. */
        saved = umask(0777);
        r = bind(fd, &sa->sa, size) < 0 ? -errno : 0;
        (void) umask(saved);
        if (r < 0 || sa->un.sun_path[0] == 0)
                return r;
        r = unix_give(sa->un.sun_path, mode, group);
        if (r < 0)
                (void) unlink(sa->un.sun_path); /* nobody may look into it, to learn that nobody is there */
        return r;
}

int rpc_address_listen(const RpcAddress *a, mode_t mode, gid_t group) {
        _cleanup_close_ int fd = -EBADF;
        SocketAddress sa;
        socklen_t size;
        int one = 1, r;

        r = sockaddr_from_address(a, &sa, &size);
        if (r < 0)
                return r;
        fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (a->kind == RPC_ADDRESS_UNIX)
                r = unix_bind(fd, &sa, size, mode, group);
        else {
                if (a->kind == RPC_ADDRESS_TCP) {
                        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
                                return -errno;
                        /* The interface may get its address later. Works for IPv6 sockets as well, ip(7). */
                        (void) setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
                }
                r = bind(fd, &sa.sa, size) < 0 ? -errno : 0;
        }
        if (r < 0)
                return r;
        if (listen(fd, LISTEN_BACKLOG) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int rpc_address_connect(const RpcAddress *a) {
        _cleanup_close_ int fd = -EBADF;
        SocketAddress sa;
        socklen_t size;
        int r;

        r = sockaddr_from_address(a, &sa, &size);
        if (r < 0)
                return r;
        fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, &sa.sa, size) < 0 && errno != EINPROGRESS)
                return -errno;
        return TAKE_FD(fd);
}

char *rpc_sockaddr_to_string(const struct sockaddr *sa, socklen_t size) {
        const SocketAddress *a = (const SocketAddress *) sa;
        char ip[INET6_ADDRSTRLEN];

        switch (size >= sizeof(sa_family_t) ? sa->sa_family : AF_UNSPEC) {
        case AF_INET:
                return strf("%s:%u", inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof(ip)), ntohs(a->in.sin_port));
        case AF_INET6:
                if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
                        return strf("%s:%u", inet_ntop(AF_INET, &a->in6.sin6_addr.s6_addr[12], ip, sizeof(ip)),
                                        ntohs(a->in6.sin6_port));
                return strf("[%s]:%u", inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof(ip)), ntohs(a->in6.sin6_port));
        case AF_VSOCK:
                return strf("vsock:%u:%u", a->vm.svm_cid, a->vm.svm_port);
        case AF_UNIX:
                return strdup("unix");
        default:
                return strdup("unknown");
        }
}
