/* SPDX-License-Identifier: Apache-2.0 */
/* Any message as the context of access rules: it is made or refused with a sentence, and whatever the sender wrote, it
 * holds truth values, numbers, strings, sets and records only, in order, and says of the call what we say. */

#include "base/mem.h"
#include "pick.h"
#include "proto/unpack.h"
#include "rpc/rules-context.h"

#define CONTEXT_MAX (8 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const ProtobufCMessageDescriptor *type, const Value *v, unsigned depth);

static void check_set(const ProtobufCMessageDescriptor *type, const ValueSet *set, unsigned depth) {
        for (size_t i = 0; i < set->n; i++) {
                check_value(type, &set->items[i], depth);
                require(i == 0 || value_compare(&set->items[i - 1], &set->items[i]) < 0, type, "a set out of order");
        }
}

static void check_record(const ProtobufCMessageDescriptor *type, const ValueRecord *record, unsigned depth) {
        for (size_t i = 0; i < record->n; i++) {
                check_value(type, &record->members[i].value, depth);
                require(i == 0 || text_compare(record->members[i - 1].name, record->members[i].name) < 0, type,
                                "a record out of order");
        }
}

static void check_value(const ProtobufCMessageDescriptor *type, const Value *v, unsigned depth) {
        require(depth < 2 * PROTO_DEPTH_MAX + 4, type, "nests deeper than its message");
        if (v->kind == VALUE_SET)
                check_set(type, v->set, depth + 1);
        else if (v->kind == VALUE_RECORD)
                check_record(type, v->record, depth + 1);
        else
                require(v->kind == VALUE_BOOL || v->kind == VALUE_LONG || v->kind == VALUE_STRING, type,
                                "made something that no message has");
}

static bool says(const ValueRecord *record, const char *name, const char *text) {
        const Value *v = record ? value_record_get(record, text_of(name)) : NULL;

        return v && v->kind == VALUE_STRING && text_equal(v->string, text_of(text));
}

static void check_context(const ProtobufCMessage *m, const RpcTarget *target) {
        ProtobufCServiceDescriptor service = { .name = "package.Service" };
        _cleanup_free_ char *error = NULL;
        const ValueRecord *context = NULL;
        const Value *about;
        _cleanup_arena_ Arena arena;
        int r;

        arena_init(&arena, NULL, 0, CONTEXT_MAX);
        r = rules_context_new(&arena, &service, m, target, &context, &error);
        require(r == 0 || r == -ENOMEM || (r == -EINVAL && error), m->descriptor,
                        "neither a context nor an explanation");
        if (r < 0)
                return;
        check_record(m->descriptor, context, 0);
        require(says(context, "service", "Service"), m->descriptor, "says that it is of another service");
        about = value_record_get(context, TEXT("target"));
        require(target ? about && says(about->record, "vm", "a-vm") : !about, m->descriptor,
                        "says what it is about itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const RpcTarget target = { .vm = TEXT("a-vm") };
        const ProtobufCMessageDescriptor *type = pick_type(&data, &size);
        _cleanup_proto_ ProtobufCMessage *m = NULL;

        if (!type || proto_unpack(type, data, size, &m, NULL) < 0)
                return 0;
        check_context(m, NULL);
        check_context(m, &target);
        return 0;
}
