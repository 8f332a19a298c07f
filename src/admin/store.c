/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.pb-c.h"
#include "proto/unit-message.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/str.h"
#include "proto/unpack.h"

/* The file: where the log begins (8 bytes), then records, each with its size in front (4 bytes). Writing it anew
 * appends all that is there, moves the beginning with one aligned write, and gives back the memory in front of it; at
 * any moment the log that the beginning points to is whole, but for a record at its very end. A record is a
 * registration whose transport has the entry's agent as its name, as its port when the entry got its state and, as its
 * protocol, a word that says what it is about; or, with a protocol of the wire, where an agent is. */
#define WORD_ENDPOINT "endpoint"
#define WORD_MANAGED  "managed"
#define WORD_GONE     "gone"

struct Store {
        Admin *admin;
        int fd;
        uint64_t begin, end, compacted; /* compacted: end when it was written anew */
};

static int write_all(int fd, const void *data, size_t size, uint64_t offset) {
        ssize_t n = pwrite(fd, data, size, offset);

        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -EIO;
}

static int store_append(Store *s, const Admin__RegistryRequest *record) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = admin__registry_request__get_packed_size(record);
        uint32_t prefix = size;
        int r;

        data = malloc(sizeof(prefix) + size);
        if (!data)
                return -ENOMEM;
        memcpy(data, &prefix, sizeof(prefix));
        (void) admin__registry_request__pack(record, data + sizeof(prefix));
        r = write_all(s->fd, data, sizeof(prefix) + size, s->end);
        if (r < 0)
                return r;
        s->end += sizeof(prefix) + size;
        return 0;
}

static int store_append_entry(Store *s, const Entry *e, const char *word) {
        _cleanup_free_ char *parent = isempty(e->vm) ? NULL : unit_from_vm(e->vm);
        Admin__RegistryRequest record = ADMIN__REGISTRY_REQUEST__INIT;
        Admin__TransportConfig transport = ADMIN__TRANSPORT_CONFIG__INIT;
        Systemd__UnitStatus state;
        char since[24];

        (void) snprintf(since, sizeof(since), "%" PRIu64, e->image->since_usec);
        transport.protocol = (char *) word;
        transport.port = since;
        transport.name = e->agent;
        record.transport = &transport;
        record.name = e->name;
        if (streq(word, WORD_GONE))
                return store_append(s, &record);
        state = unit_message_from_status(&e->status);
        state.name = (char *) ""; /* the record's */
        record.state = &state;
        record.type = entry_type_to_number(e->type);
        if (parent)
                record.parent = parent;
        return store_append(s, &record);
}

/* As it would register itself. */
static int store_append_agent(Store *s, const Agent *a) {
        static const char *const words[] = {
                [RPC_ADDRESS_TCP] = "tcp",
                [RPC_ADDRESS_UNIX] = "unix",
                [RPC_ADDRESS_VSOCK] = "vsock",
        };
        bool abstract = a->address.kind == RPC_ADDRESS_UNIX && a->address.host[0] == '@';
        Admin__RegistryRequest record = ADMIN__REGISTRY_REQUEST__INIT;
        Admin__TransportConfig transport = ADMIN__TRANSPORT_CONFIG__INIT;
        char port[16], cid[16];

        (void) snprintf(port, sizeof(port), "%u", a->address.port);
        (void) snprintf(cid, sizeof(cid), "%u", a->address.cid);
        transport.protocol = (char *) (abstract ? "abstract" : words[a->address.kind]);
        transport.address = a->address.kind == RPC_ADDRESS_VSOCK ? cid : a->address.host + abstract;
        transport.port = port;
        transport.name = a->tls_name;
        record.name = a->name;
        record.transport = &transport;
        return store_append(s, &record);
}

static const char *entry_word(const Entry *e) {
        return e->placement == PLACED_MANAGED ? WORD_MANAGED : WORD_ENDPOINT;
}

/* Agents come after their entries, as when they register. */
static int store_append_all(Store *s) {
        const Registry *registry = s->admin->registry;
        int r;

        for (const Entry *e = registry_next(registry, NULL, NULL); e; e = registry_next(registry, NULL, e)) {
                r = store_append_entry(s, e, entry_word(e));
                if (r < 0)
                        return r;
        }
        MAP_FOREACH(a, s->admin->agents.map, Agent) {
                r = store_append_agent(s, a);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int store_compact(Store *s) {
        uint64_t begin = s->end, old = s->begin;
        int r;

        r = store_append_all(s);
        if (r >= 0)
                r = write_all(s->fd, &begin, sizeof(begin), 0);
        if (r < 0)
                return r;
        s->begin = begin;
        s->compacted = s->end;
        if (begin > old)
                (void) fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, old, begin - old);
        return 0;
}

/* A registry that cannot be recorded is a registry all the same: it only is lost with this process. */
static void store_recorded(Store *s, int r) {
        if (r >= 0 && s->end - s->compacted > STORE_GROWTH)
                r = store_compact(s);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot record the registry; a restart may forget something");
}

static void on_entry(const Entry *e, bool there, void *userdata) {
        store_recorded(userdata, store_append_entry(userdata, e, there ? entry_word(e) : WORD_GONE));
}

static void on_registered(const Agent *a, void *userdata) {
        store_recorded(userdata, store_append_agent(userdata, a));
}

static int restore_entry(Admin *admin, const Admin__RegistryRequest *record, EntryPlacement placement) {
        _cleanup_free_ char *vm = vm_from_unit(record->parent);
        UnitStatus status;
        EntryInfo info = {
                .name = record->name,
                .agent = record->transport->name,
                .placement = placement,
                .vm = vm,
                .status = &status,
        };

        if (!record->state || entry_type_from_number(record->type, &info.type) < 0 ||
                        parse_uint(record->transport->port, UINT64_MAX, &info.since_usec) < 0)
                return -EBADMSG;
        status = unit_message_to_status(record->state);
        status.name = record->name;
        return registry_put(admin->registry, &info);
}

static int restore_agent(Admin *admin, const Admin__RegistryRequest *record) {
        const Admin__TransportConfig *t = record->transport;
        _cleanup_(rpc_address_done) RpcAddress address = {};
        _cleanup_free_ char *why = NULL;
        int r;

        r = rpc_address_from_transport(t->protocol, t->address, t->port, &address, &why);
        if (r < 0)
                return r;
        return agents_register(&admin->agents, record->name, t->name, &address);
}

static int restore(Admin *admin, const Admin__RegistryRequest *record) {
        const char *word = record->transport ? record->transport->protocol : "";

        if (isempty(record->name) || isempty(word))
                return -EBADMSG;
        if (streq(word, WORD_ENDPOINT))
                return restore_entry(admin, record, PLACED_ENDPOINT);
        if (streq(word, WORD_MANAGED))
                return restore_entry(admin, record, PLACED_MANAGED);
        if (!streq(word, WORD_GONE))
                return restore_agent(admin, record);
        if (streq(record->name, record->transport->name))
                agents_forget(&admin->agents, record->name);
        return registry_remove(admin->registry, record->transport->name, record->name);
}

static int restore_packed(Admin *admin, const uint8_t *data, size_t size) {
        _cleanup_proto_ Admin__RegistryRequest *record = NULL;
        ProtobufCMessage *message;
        int r;

        r = proto_unpack(&admin__registry_request__descriptor, data, size, &message, NULL);
        if (r < 0)
                return r;
        record = (Admin__RegistryRequest *) message;
        r = restore(admin, record);
        /* What an agent takes along with it is told as gone, too. */
        return r == -ENOENT ? 0 : r;
}

static int read_log(Store *s, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(s->fd, &st) < 0)
                return -errno;
        if (pread(s->fd, &s->begin, sizeof(s->begin), 0) != sizeof(s->begin) || s->begin < sizeof(s->begin) ||
                        s->begin > (uint64_t) st.st_size || st.st_size - s->begin > STORE_SIZE_MAX)
                return -EBADMSG;
        s->end = st.st_size;
        data = malloc(s->end - s->begin + 1);
        if (!data)
                return -ENOMEM;
        n = pread(s->fd, data, s->end - s->begin, s->begin);
        if (n < 0)
                return -errno;
        *ret = TAKE_PTR(data);
        *ret_size = n;
        return 0;
}

static void store_load(Store *s) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0, n_lost = 0;
        uint32_t n;
        int r;

        r = read_log(s, &data, &size);
        if (r < 0) {
                (void) log_warning_errno(r, "Cannot read the registry that was kept over the restart");
                return;
        }
        for (size_t at = 0; at + sizeof(n) <= size; at += n) {
                memcpy(&n, data + at, sizeof(n));
                at += sizeof(n);
                if (n > size - at)
                        break; /* its writer was ended in the middle of it */
                n_lost += restore_packed(s->admin, data + at, n) < 0;
        }
        if (n_lost > 0)
                log_warning("Of the registry that was kept over the restart, %zu records made no sense", n_lost);
        log_info("Kept over the restart: %zu entries", registry_count(s->admin->registry));
}

/* --host may name another than the one that was the first to say so. */
static int forget_other_host(Admin *admin) {
        const Entry *host = registry_get_host(admin->registry);
        const char *named = admin_get_rules(admin).host;
        _cleanup_free_ char *wanted = NULL, *name = NULL;

        if (!host || !named)
                return 0;
        wanted = agent_from_vm(named);
        name = strdup(host->name);
        if (!wanted || !name)
                return -ENOMEM;
        if (streq(name, wanted))
                return 0;
        log_notice("'%s' was the host before the restart, and is forgotten: '%s' is", name, wanted);
        agents_forget(&admin->agents, name);
        return registry_remove(admin->registry, name, name);
}

int store_new(Admin *admin, int fd, Store **ret) {
        _cleanup_(store_freep) Store *s = NULL;
        bool keep = fd >= 0;
        int r;

        s = mem_new0(Store, 1);
        if (!s) {
                (void) fd_close(fd);
                return -ENOMEM;
        }
        *s = (Store){ .admin = admin, .fd = fd };
        if (keep)
                store_load(s);
        else
                s->fd = memfd_create("givc-" STORE_NAME, MFD_CLOEXEC);
        if (s->fd < 0)
                return -errno;
        if (s->begin == 0) {
                s->begin = s->end = sizeof(s->begin);
                if (ftruncate(s->fd, s->end) < 0)
                        return -errno;
        }
        r = forget_other_host(admin);
        if (r >= 0)
                r = store_compact(s);
        if (r < 0)
                return r;
        registry_set_recorder(admin->registry, on_entry, s);
        admin->agents.on_registered = on_registered;
        admin->agents.userdata = s;
        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        registry_set_recorder(s->admin->registry, NULL, NULL);
        s->admin->agents.on_registered = NULL;
        (void) fd_close(s->fd);
        free(s);
        return NULL;
}

int store_get_fd(const Store *s) {
        return s->fd;
}
