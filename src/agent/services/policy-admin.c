/* SPDX-License-Identifier: Apache-2.0 */
/* policyadmin.PolicyAdmin: files that the admin hands out, see proto/policyadmin.proto. A file is kept in the store
 * and where the configuration wants it; what is there is the only state. */
#include "agent/services/places.h"
#include "agent/services/services.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/file.h"
#include "policyadmin.pb-c.h"
#include "rpc/limits.h"

#define POLICY_UPLOADS_MAX 4                       /* at once: they are in memory until they are whole */
#define POLICY_WHOLE_USEC  (5 * 60 * USEC_PER_SEC) /* from the first byte of one to its last */
#define POLICY_MODE        0644

usec_t policy_idle_usec = 20 * USEC_PER_SEC; /* from one byte to the next */

static Places places = PLACES_INIT(places, "policies on their way", POLICY_UPLOADS_MAX);

typedef struct Upload {
        const Config *config;
        const Identity *from;
        char *name;
        const char *destination; /* "": none */
        Buffer content;
        Place place;
        usec_t end; /* when it has to be whole */
} Upload;

static void upload_done(Upload *u) {
        free(u->name);
        buffer_done(&u->content);
        place_leave(&u->place);
}

/* NULL: this machine does not subscribe to it. */
static const char *find_destination(const Config *config, const char *name) {
        for (char **p = config->policies; p && p[0]; p += 2)
                if (streq(p[0], name))
                        return p[1];
        return NULL;
}

static int upload_begin(Upload *u, const char *name, RpcStatus *reterr) {
        int r;

        if (isempty(name) || name[0] == '.' || strchr(name, '/'))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of a policy.", strempty(name));
        u->destination = find_destination(u->config, name);
        if (!u->destination)
                return rpc_error(reterr, RPC_NOT_FOUND, "This machine does not subscribe to policy '%s'.", name);
        r = place_take(&u->place, &places, u->from, u->config, reterr);
        if (r < 0)
                return r;
        u->end = usec_add(time_now(CLOCK_MONOTONIC), POLICY_WHOLE_USEC);
        u->name = strdup(name);
        return u->name ? 0 : -ENOMEM;
}

static int upload_add(Upload *u, const ProtobufCBinaryData *chunk, RpcStatus *reterr) {
        if (chunk->len > POLICY_SIZE_MAX - u->content.size)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "A policy has %zu bytes at most.", POLICY_SIZE_MAX);
        return buffer_append(&u->content, chunk->data, chunk->len);
}

static int upload_receive_wait(Upload *u, RpcCall *call, RpcStatus *reterr) {
        for (;;) {
                const usec_t idle = usec_add(time_now(CLOCK_MONOTONIC), policy_idle_usec);
                const Policyadmin__StreamPolicyRequest *req;
                int r;

                r = rpc_call_receive_until_wait(call, u->name ? MIN(idle, u->end) : idle, &req);
                if (r == -ETIMEDOUT)
                        return rpc_error(reterr, RPC_DEADLINE_EXCEEDED, "The policy does not come on.");
                if (r < 0)
                        return r;
                if (r == 0)
                        return u->name ? 0 : rpc_error(reterr, RPC_INVALID_ARGUMENT, "No policy is named.");
                r = u->name ? 0 : upload_begin(u, req->policy_name, reterr);
                if (r >= 0)
                        r = upload_add(u, &req->policy_chunk, reterr);
                if (r < 0)
                        return r;
        }
}

static int write_error(int r, const char *path, RpcStatus *reterr) {
        RpcCode code = r == -ENOSPC || r == -EDQUOT || r == -ENOMEM ? RPC_RESOURCE_EXHAUSTED : RPC_FAILED_PRECONDITION;

        if (r == -ECANCELED)
                return r;
        log_warning_errno(r, "Cannot write policy file '%s'", path);
        return rpc_error(reterr, code, "Cannot write '%s': %s.", path, strerror(-r));
}

static int write_wait(const Upload *u, const char *path, FileFlags flags, RpcStatus *reterr) {
        const void *data = u->content.size > 0 ? buffer_head(&u->content) : (const uint8_t *) "";
        int r;

        r = file_replace_wait(path, data, u->content.size, POLICY_MODE, flags);
        if (r < 0)
                return write_error(r, path, reterr);
        if (r > 0)
                log_info("Policy '%s' is new in '%s'", u->name, path);
        return 0;
}

static int upload_store_wait(const Upload *u, RpcStatus *reterr) {
        _cleanup_free_ char *path = strf("%s/%s/policy.bin", u->config->policy_store, u->name);
        int r;

        if (!path)
                return -ENOMEM;
        r = write_wait(u, path, FILE_IN_DIRECTORY, reterr);
        return r < 0 || isempty(u->destination) ? r : write_wait(u, u->destination, 0, reterr);
}

static int method_stream_policy(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        const Agent *agent = userdata;
        _cleanup_(upload_done) Upload u = { .config = agent_get_config(agent), .from = rpc_call_get_identity(call) };
        Policyadmin__Status reply = POLICYADMIN__STATUS__INIT;
        int r;

        r = upload_receive_wait(&u, call, reterr);
        if (r >= 0)
                r = upload_store_wait(&u, reterr);
        if (r < 0)
                return r;
        reply.status = (char *) "Success";
        return rpc_call_reply(call, &reply);
}

static const RpcMethod methods[] = {
        { "StreamPolicy", RPC_CLIENT_STREAM, method_stream_policy },
        {},
};

const RpcService policy_admin_service = { &policyadmin__policy_admin__descriptor, methods };
