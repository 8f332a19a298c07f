/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/output.h"

#include <inttypes.h>
#include <langinfo.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "ctl/pager.h"
#include "proto/json.h"

#define COLOUR_GREEN  "\033[32m"
#define COLOUR_YELLOW "\033[33m"
#define COLOUR_RED    "\033[31m"
#define COLOUR_BOLD   "\033[1m"
#define COLOUR_GREY   "\033[90m"
#define COLOUR_END    "\033[0m"

bool output_lost_its_reader(void) {
        struct pollfd p = { .fd = STDOUT_FILENO };

        return ferror(stdout) && poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

static size_t look_find_width(const Options *o) {
        struct winsize size = {};
        uint64_t columns;

        if (o->full)
                return 0;
        if (parse_uint(getenv("COLUMNS"), UINT16_MAX, &columns) >= 0)
                return columns;
        return ioctl(pager_get_terminal(), TIOCGWINSZ, &size) >= 0 ? size.ws_col : 0;
}

void look_init(Look *look, const Options *o) {
        const char *term = getenv("TERM");

        *look = (Look){
                .colours = isatty(pager_get_terminal()) && isempty(getenv("NO_COLOR")) &&
                                !(term && streq(term, "dumb")),
                .unicode = streq(nl_langinfo(CODESET), "UTF-8"),
                .legend = !o->no_legend,
                .width = look_find_width(o),
        };
}

const char *state_to_colour(const char *state) {
        static const struct {
                const char *state, *colour;
        } rows[] = {
                { "Running", COLOUR_GREEN },
                { "Paused", COLOUR_YELLOW },
                { "PoweredOff", COLOUR_GREY },
                { "active", COLOUR_GREEN },
                { "failed", COLOUR_RED },
                { "inactive", COLOUR_GREY },
                { "activating", COLOUR_YELLOW },
                { "deactivating", COLOUR_YELLOW },
                { "frozen", COLOUR_YELLOW },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(state, rows[i].state))
                        return rows[i].colour;
        return NULL;
}

const char *priority_to_colour(unsigned priority) {
        static const char *const colours[] = { COLOUR_RED, COLOUR_RED, COLOUR_RED, COLOUR_RED, COLOUR_YELLOW,
                COLOUR_BOLD, NULL, COLOUR_GREY };

        return priority < ELEMENTSOF(colours) ? colours[priority] : NULL;
}

const char *look_begin(const Look *look, const char *colour) {
        return look->colours && colour ? colour : "";
}

const char *look_end(const Look *look, const char *colour) {
        return look->colours && colour ? COLOUR_END : "";
}

void ago_to_text(usec_t time, usec_t now, char ret[AGO_MAX]) {
        static const struct {
                uint64_t seconds;
                const char *one, *many;
        } units[] = {
                { 365 * 24 * 3600 + 6 * 3600, " year", " years" }, /* these two as systemd counts them */
                { 30 * 24 * 3600 + 10 * 3600 + 30 * 60, " month", " months" },
                { 7 * 24 * 3600, " week", " weeks" },
                { 24 * 3600, " day", " days" },
                { 3600, "h", "h" },
                { 60, "min", "min" },
                { 1, "s", "s" },
        };
        uint64_t seconds = now > time ? (now - time) / USEC_PER_SEC : 0;
        size_t i = 0;

        while (i < ELEMENTSOF(units) && seconds < units[i].seconds)
                i++;
        if (i == ELEMENTSOF(units)) {
                (void) snprintf(ret, AGO_MAX, "now");
                return;
        }
        seconds /= units[i].seconds;
        (void) snprintf(ret, AGO_MAX, "%" PRIu64 "%s ago", seconds, seconds == 1 ? units[i].one : units[i].many);
}

int output_json_value(FILE *f, const json_t *json, OutputMode mode, bool sequence) {
        size_t flags = mode == OUTPUT_JSON_PRETTY ? JSON_INDENT(8) : JSON_COMPACT;
        int r;

        if (isatty(f == stdout ? pager_get_terminal() : fileno(f)))
                flags |= JSON_ENSURE_ASCII; /* terminals obey U+0080 to U+009F, which JSON need not escape */
        if (sequence)
                fputc('\036', f);
        r = json_dumpf(json, f, flags);
        fputc('\n', f);
        return r < 0 ? -EIO : 0;
}

int output_json(FILE *f, const void *message, OutputMode mode, bool sequence) {
        json_t *json;
        int r;

        json = proto_to_json(message, PROTO_JSON_ALL_FIELDS);
        if (!json)
                return -ENOMEM;
        r = output_json_value(f, json, mode, sequence);
        json_decref(json);
        return r;
}
