/* SPDX-License-Identifier: Apache-2.0 */
/* Values as Cedar writes them: what is printed here is read again as the same. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/extension.h"

#define DECIMAL_UNIT    10000
#define MSEC_PER_SEC    1000
#define NUMBER_SIZE_MAX 96

const char *value_kind_to_string(ValueKind kind) {
        static const char *const kinds[] = {
                [VALUE_BOOL] = "Bool",
                [VALUE_LONG] = "Long",
                [VALUE_STRING] = "String",
                [VALUE_ENTITY] = "entity",
                [VALUE_SET] = "Set",
                [VALUE_RECORD] = "Record",
                [VALUE_IP] = "ip",
                [VALUE_DECIMAL] = "decimal",
                [VALUE_DATETIME] = "datetime",
                [VALUE_DURATION] = "duration",
        };

        return kinds[kind];
}

static int append(Buffer *out, const char *s) {
        return buffer_append(out, s, strlen(s));
}

static int append_numbers(Buffer *out, const char *fmt, ...) _printf_(2, 3);
static int append_numbers(Buffer *out, const char *fmt, ...) {
        char text[NUMBER_SIZE_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return append(out, text);
}

static const char *find_escape(char c) {
        switch (c) {
        case '"':
                return "\\\"";
        case '\\':
                return "\\\\";
        case '\n':
                return "\\n";
        case '\r':
                return "\\r";
        case '\t':
                return "\\t";
        case 0:
                return "\\0";
        default:
                return NULL;
        }
}

/* One character of s; what is none is shown as the one that stands for it. */
static int append_character(Buffer *out, const char *s, size_t n, size_t *ret_length) {
        const char *escape = find_escape(s[0]);
        size_t length = 1;

        *ret_length = 1;
        if (escape)
                return append(out, escape);
        if ((uint8_t) s[0] < ' ' || s[0] == 0x7f)
                return append_numbers(out, "\\u{%x}", (unsigned) (uint8_t) s[0]);
        while (length < n && ((uint8_t) s[length] & 0xC0) == 0x80)
                length++;
        if (!str_is_utf8(s, length))
                return append(out, "\\u{fffd}");
        *ret_length = length;
        if ((uint8_t) s[0] == 0xC2 && (uint8_t) s[1] < 0xA0)
                return append_numbers(out, "\\u{%x}", (unsigned) (uint8_t) s[1]);
        return buffer_append(out, s, length);
}

static int append_string(Buffer *out, Text text) {
        int r = append(out, "\"");

        for (size_t i = 0, length; r == 0 && i < text.size; i += length)
                r = append_character(out, text.data + i, text.size - i, &length);
        return r < 0 ? r : append(out, "\"");
}

static int append_entity(Buffer *out, const EntityUid *uid) {
        int r = buffer_append(out, uid->type.data, uid->type.size);

        if (r == 0)
                r = append(out, "::");
        return r < 0 ? r : append_string(out, uid->id);
}

static int append_value(Buffer *out, const Value *v);

static int append_set(Buffer *out, const ValueSet *set) {
        int r = append(out, "[");

        for (size_t i = 0; r == 0 && i < set->n; i++) {
                r = i > 0 ? append(out, ", ") : 0;
                if (r == 0)
                        r = append_value(out, &set->items[i]);
        }
        return r < 0 ? r : append(out, "]");
}

static int append_member(Buffer *out, const ValueMember *member) {
        int r = append_string(out, member->name);

        if (r == 0)
                r = append(out, ": ");
        return r < 0 ? r : append_value(out, &member->value);
}

static int append_record(Buffer *out, const ValueRecord *record) {
        int r = append(out, "{");

        for (size_t i = 0; r == 0 && i < record->n; i++) {
                r = i > 0 ? append(out, ", ") : 0;
                if (r == 0)
                        r = append_member(out, &record->members[i]);
        }
        return r < 0 ? r : append(out, "}");
}

static int append_ip(Buffer *out, const IpRange *ip) {
        char text[IP_RANGE_STRING_MAX];

        ip_range_format(ip, text);
        return append_numbers(out, "ip(\"%s\")", text);
}

static int append_decimal(Buffer *out, int64_t number) {
        uint64_t size = number < 0 ? 0 - (uint64_t) number : (uint64_t) number;

        return append_numbers(out, "decimal(\"%s%" PRIu64 ".%04u\")", number < 0 ? "-" : "", size / DECIMAL_UNIT,
                        (unsigned) (size % DECIMAL_UNIT));
}

/* Years of four digits are read; others are that far from one. */
static int append_datetime(Buffer *out, int64_t number) {
        int64_t msec = number % MSEC_PER_SEC;
        time_t sec = number / MSEC_PER_SEC;
        struct tm tm;

        if (msec < 0) {
                msec += MSEC_PER_SEC;
                sec--;
        }
        if (!gmtime_r(&sec, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
                return append_numbers(out, "datetime(\"1970-01-01\").offset(duration(\"%" PRId64 "ms\"))", number);
        return append_numbers(out, "datetime(\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\")", tm.tm_year + 1900,
                        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) msec);
}

static int append_value(Buffer *out, const Value *v) {
        switch (v->kind) {
        case VALUE_BOOL:
                return append(out, v->boolean ? "true" : "false");
        case VALUE_LONG:
                return append_numbers(out, "%" PRId64, v->number);
        case VALUE_STRING:
                return append_string(out, v->string);
        case VALUE_ENTITY:
                return append_entity(out, v->entity);
        case VALUE_SET:
                return append_set(out, v->set);
        case VALUE_RECORD:
                return append_record(out, v->record);
        case VALUE_IP:
                return append_ip(out, v->ip);
        case VALUE_DECIMAL:
                return append_decimal(out, v->number);
        case VALUE_DATETIME:
                return append_datetime(out, v->number);
        case VALUE_DURATION:
                return append_numbers(out, "duration(\"%" PRId64 "ms\")", v->number);
        }
        return -EINVAL;
}

static char *take_string(Buffer *out, int r) {
        char *s = r == 0 && buffer_append(out, "", 1) == 0 ? (char *) TAKE_PTR(out->data) : NULL;

        buffer_done(out);
        return s;
}

char *value_to_string(const Value *v) {
        Buffer out = {};

        return take_string(&out, append_value(&out, v));
}

char *entity_uid_to_string(const EntityUid *uid) {
        Buffer out = {};

        return take_string(&out, append_entity(&out, uid));
}
