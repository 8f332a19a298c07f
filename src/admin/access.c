/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/access.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/denial.h"

#define GROUP_BUFFER_SIZE (64 * 1024)

static void add_member(Access *a, const char *name, char *buffer) {
        struct passwd passwd, *p = NULL;
        uid_t *members;

        if (getpwnam_r(name, &passwd, buffer, GROUP_BUFFER_SIZE, &p) != 0 || !p)
                return;
        members = reallocarray(a->members, a->n_members + 1, sizeof(uid_t));
        if (!members)
                return;
        a->members = members;
        a->members[a->n_members++] = p->pw_uid;
}

void access_refresh(Access *a) {
        _cleanup_free_ char *buffer = malloc(GROUP_BUFFER_SIZE), *member_buffer = malloc(GROUP_BUFFER_SIZE);
        struct group group, *g = NULL;

        a->read_usec = time_now(CLOCK_MONOTONIC);
        a->n_members = 0;
        a->group_exists = buffer && member_buffer &&
                        getgrnam_r(ACCESS_GROUP, &group, buffer, GROUP_BUFFER_SIZE, &g) == 0 && g;
        if (!a->group_exists)
                return;
        a->group = g->gr_gid;
        for (char **m = g->gr_mem; *m; m++)
                add_member(a, *m, member_buffer);
}

void access_init(Access *a) {
        *a = (Access){};
        access_refresh(a);
}

void access_done(Access *a) {
        free(a->members);
        *a = (Access){};
}

static bool is_member(const Access *a, const struct ucred *ucred) {
        if (!a->group_exists)
                return false;
        if (ucred->gid == a->group)
                return true;
        for (size_t i = 0; i < a->n_members; i++)
                if (a->members[i] == ucred->uid)
                        return true;
        return false;
}

static bool may_use_front_door(Access *a, const struct ucred *ucred) {
        if (!ucred)
                return false;
        if (ucred->uid == 0 || ucred->uid == geteuid())
                return true;
        if (time_now(CLOCK_MONOTONIC) >= usec_add(a->read_usec, ACCESS_GROUP_REFRESH_USEC))
                access_refresh(a);
        return is_member(a, ucred);
}

int access_check(const Identity *identity, const ProtobufCServiceDescriptor *service, const RpcMethod *method,
                const ProtobufCMessage *request, RpcStatus *reterr, void *userdata) {
        Access *a = userdata;
        int r = 0;

        if (request)
                return 0; /* nothing about it depends on the message */
        if (identity_get_kind(identity) == IDENTITY_CERTIFICATE && !identity_is_at_own_address(identity))
                r = rpc_deny_address(identity, reterr);
        else if (identity_get_kind(identity) == IDENTITY_UNIX && !may_use_front_door(a, identity_get_ucred(identity)))
                r = rpc_error(reterr, RPC_PERMISSION_DENIED, "Only root and members of group '%s' may use this socket.",
                                ACCESS_GROUP);
        if (r < 0)
                rpc_log_denied(identity, service, method->name,
                                reterr && reterr->message ? reterr->message : "not permitted");
        return r;
}
