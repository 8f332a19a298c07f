/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and the environment: one table of options, and what follows from them. It opens nothing. */
#pragma once

#include "base/macro.h"
#include "base/time.h"
#include "rpc/address.h"

#define CTL_ADMIN_DEFAULT  "unix:/run/givc/admin.sock"
#define CTL_PORT_DEFAULT   "9001"
#define CTL_CACERT_DEFAULT "/etc/givc/ca-cert.pem"
#define CTL_CERT_DEFAULT   "/etc/givc/cert.pem"
#define CTL_KEY_DEFAULT    "/etc/givc/key.pem"

typedef enum OutputMode {
        OUTPUT_TEXT,
        OUTPUT_JSON_SHORT,
        OUTPUT_JSON_PRETTY,
} OutputMode;

/* What a verb is like: options that are not for all verbs say by this which they are for. */
typedef enum VerbFlags {
        VERB_DEFAULT = 1 << 0,      /* what givcctl does when no verb is said */
        VERB_CHANGES = 1 << 1,      /* asks for a change, which may go on when the client leaves */
        VERB_DETACHES = 1 << 2,     /* takes --no-block */
        VERB_ARGUMENTS = 1 << 3,    /* takes an application's arguments behind "--" */
        VERB_ENDLESS = 1 << 4,      /* ends when the user ends it; takes --limit */
        VERB_WAITS = 1 << 5,        /* takes --wait */
        VERB_REPEATS = 1 << 6,      /* takes --watch */
        VERB_PLACED = 1 << 7,       /* takes --vm */
        VERB_TABLE = 1 << 8,        /* takes --no-legend and --full */
        VERB_REFERENCE = 1 << 9,    /* of the program before this one: in the page, and one line of the help */
        VERB_JOINS = 1 << 10,       /* shares the line of the verb before it on the first screen of the help */
        VERB_KILLS = 1 << 11,       /* takes --signal and --kill-whom */
        VERB_LOCAL = 1 << 12,       /* asks nobody */
        VERB_LOCAL_NAMES = 1 << 13, /* asks nobody about a name */
        VERB_LINES = 1 << 14,       /* takes --lines */
        VERB_FOLLOWS = 1 << 15,     /* takes --follow and --since */
        VERB_EXECUTES = 1 << 16,    /* takes --tty, --user and --working-directory */
        VERB_UPDATES = 1 << 17,     /* takes what is said about updates */
        VERB_NOTIFIES = 1 << 18,    /* takes --urgency, --icon and --event */
        VERB_WEB = 1 << 19,         /* asks the web, not the admin */
        VERB_JUDGES = 1 << 20,      /* takes rules and a request */
        VERB_TESTS = 1 << 21,       /* takes --root */
        VERB_CERTIFIES = 1 << 22,   /* takes what is said about certificates */
} VerbFlags;

typedef enum OptionSource {
        OPTION_DEFAULT,
        OPTION_SAID, /* on the command line */
        OPTION_FROM_ENVIRONMENT,
} OptionSource;

#define OPTIONS_MAX 64 /* rows of the table, at most */

typedef struct OptionRow {
        const char *name;     /* long name, NULL: none */
        char letter;          /* short name, 0: none */
        const char *argument; /* its word in the help, in brackets when it may be left out; NULL: a flag */
        const char *variable; /* environment, asked when the command line says nothing */
        size_t offset;        /* in Options: const char * with an argument, else bool */
        VerbFlags verbs;      /* one of these a verb must have for it; 0: it is for all */
        const char *group;    /* a heading of the help, where a new one begins */
        const char *help;     /* NULL: not in the help */
        bool common;          /* on the first screen of the help */
} OptionRow;

typedef struct Options {
        /* What was said, borrowed from the command line or the environment; NULL or false when it was not. */
        const char *admin, *addr, *port, *name, *vsock, *cacert, *cert, *key;
        const char *vm, *timeout, *limit, *json;
        const char *wait; /* "" without a time */
        const char *signal, *kill_whom;
        const char *user, *directory;
        const char *lines, *since;
        const char *urgency, *icon, *event, *title, *message;
        const char *policies, *entities, *principal, *action, *resource, *context, *root;
        const char *dir, *lifetime, *within;
        const char *source, *pin_name, *cache, *cachix_host, *token;
        const char *completion, *retry, *type, *by_type, *by_name;
        bool terminal, notls, json_auto, no_legend, no_pager, full, help, help_all, version, no_block, watch, follow,
                        new_key, as_json, initial, raw, current;

        uint8_t sources[OPTIONS_MAX]; /* of each row */

        /* What follows from it. */
        char *token_copy; /* of a token that was on the command line, where it is not any more */
        bool reference;   /* by the name givc-cli: output and exit status are those of the program before this one */
        char **words;     /* verb and names, NULL-terminated, borrowed */
        char **arguments; /* what stands behind "--", NULL-terminated, borrowed; NULL without one */
        size_t n_words;
        OutputMode output;
        usec_t timeout_usec; /* 0: the verb's own */
        usec_t wait_usec;    /* of --wait; USEC_INFINITY without a time */
        uint64_t n_limit;    /* of --limit, where it is given */
        uint64_t n_lines;    /* UINT64_MAX: all */
        usec_t since_usec;   /* CLOCK_REALTIME; 0: any time */

        /* Where the admin is: options_find_admin(). */
        RpcAddress address;
        const char *server_name; /* of the admin's certificate; NULL without TLS */
        bool tls;
} Options;

/* Fills *ret from argv and the environment. 0, or -EINVAL with a sentence in *reterr (new string; NULL when getopt has
 * said it already). argv is reordered and lives as long as *ret. */
int options_parse(int argc, char **argv, Options *ret, char **reterr) _warn_unused_;
void options_done(Options *o);
/* Where the admin is and how to prove who one is, from what was said. 0, or -EINVAL with a sentence in *reterr. */
int options_find_admin(Options *o, char **reterr) _warn_unused_;
/* The rows of the table by their number, NULL behind the last. */
const OptionRow *option_get(size_t i);
/* The command line or the environment says it. */
bool option_is_said(const Options *o, const OptionRow *row);
OptionSource option_get_source(const Options *o, const OptionRow *row);
