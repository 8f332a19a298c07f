/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and the environment: one table of options, and what follows from them. It opens nothing. */
#pragma once

#include <stdio.h>

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

typedef struct OptionRow {
        const char *name;     /* long name, NULL: none */
        char letter;          /* short name, 0: none */
        const char *argument; /* its word in the help, in brackets when it may be left out; NULL: a flag */
        const char *variable; /* environment, asked when the command line says nothing */
        size_t offset;        /* in Options: const char * with an argument, else bool */
        const char *group;    /* a heading of the help, where a new one begins */
        const char *help;     /* NULL: not in the help */
} OptionRow;

typedef struct Options {
        /* What was said, borrowed from the command line or the environment; NULL or false when it was not. */
        const char *admin, *addr, *port, *name, *vsock, *cacert, *cert, *key;
        const char *vm, *timeout, *limit, *json;
        const char *wait; /* "" without a time */
        const char *completion, *retry, *type, *by_type, *by_name;
        bool notls, json_auto, no_legend, full, help, version, no_block, watch, as_json, initial;

        /* What follows from it. */
        bool reference;   /* by the name givc-cli: output and exit status are those of the program before this one */
        char **words;     /* verb and names, NULL-terminated, borrowed */
        char **arguments; /* what stands behind "--", NULL-terminated, borrowed; NULL without one */
        size_t n_words;
        RpcAddress address;
        const char *server_name; /* of the admin's certificate; NULL without TLS */
        bool tls;
        OutputMode output;
        usec_t timeout_usec; /* 0: the verb's own */
        usec_t wait_usec;    /* of --wait; USEC_INFINITY without a time */
        uint64_t n_limit;    /* 0: none */
} Options;

/* Fills *ret from argv and the environment. 0, or -EINVAL with a sentence in *reterr (new string; NULL when getopt has
 * said it already). argv is reordered and lives as long as *ret. */
int options_parse(int argc, char **argv, Options *ret, char **reterr) _warn_unused_;
void options_done(Options *o);
/* The rows of the table by their number, NULL behind the last. */
const OptionRow *option_get(size_t i);
/* The part of the help that explains options; those of the program before this one are in the page only. */
void options_print_help(FILE *f);
