/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/verbs.h"

#include "base/mem.h"
#include "base/nearest.h"
#include "base/str.h"

#define ASK_USEC (25 * USEC_PER_SEC)
#define ACT_USEC (120 * USEC_PER_SEC) /* a VM may have to boot first */

#define ACTS     (VERB_CHANGES | VERB_DETACHES | VERB_PLACED)

static const Verb updates[] = { { "update list", 0, 0, VERB_UPDATES, 0, verb_update_list, "",
                                                "the generations that the host has", NULL, NULL },
        { "update query", 0, 0, VERB_UPDATES | VERB_WEB, 0, verb_update_query, "", "what a server of updates offers",
                        NULL, NULL },
        { "update cachix", 1, 1, VERB_UPDATES, 0, verb_update_cachix, "PIN", "go to what a binary cache has", NULL,
                        NULL },
        {} };

#define RADIO (VERB_PLACED | VERB_TABLE)

static const Verb wifi[] = { { "wifi list", 0, 0, RADIO, ASK_USEC, verb_wifi_list, "",
                                             "the networks that the radio sees", NULL, NULL },
        { "wifi status", 0, 0, RADIO, ASK_USEC, verb_wifi_status, "", "the network that it is in", NULL, NULL },
        { "wifi connect", 1, 1, RADIO, ASK_USEC, verb_wifi_connect, "SSID", "go into a network", NULL, NULL },
        { "wifi disconnect", 0, 0, RADIO, ASK_USEC, verb_wifi_disconnect, "", "leave it", NULL, NULL },
        { "wifi on", 0, 0, RADIO, ASK_USEC, verb_wifi_on, "", "the radio", NULL, NULL },
        { "wifi off", 0, 0, RADIO, ASK_USEC, verb_wifi_off, "", "the radio", NULL, NULL }, {} };

static const Verb policies[] = {
        { "policy check", 1, VERB_ANY, VERB_LOCAL, 0, verb_policy_check, "FILE…", "find mistakes in rules", NULL,
                        "Says what a file of rules has that does not load (an error), or that loads and\n"
                        "was hardly meant so (a warning), by the messages that this program knows.\n"
                        "Ends with 0 when there is nothing to say, else with 1. See givc.policy(5)." },
        { "policy authorize", 0, 0, VERB_LOCAL | VERB_JUDGES, 0, verb_policy_authorize, "", "decide a call by rules",
                        NULL,
                        "  policy authorize --policies=rules.cedar --principal=gui-vm \\\n"
                        "      --action=StartVM --resource=admin --context='{\"VmName\": \"net-vm\"}'\n"
                        "A name alone is of a Source, a Command, a Module; others are Type::\"name\".\n"
                        "Ends with 0 when it is allowed, with 5 when it is denied. Asks nobody." },
        { "policy explain", 0, 0, VERB_LOCAL | VERB_JUDGES, 0, verb_policy_explain, "", "why a call is decided so",
                        NULL,
                        "Takes what 'policy authorize' takes, and says of each rule what became of it.\n"
                        "Ends with 0, whatever the decision is." },
        { "policy test", 1, VERB_ANY, VERB_LOCAL | VERB_TESTS, 0, verb_policy_test, "FILE…", "try rules on requests",
                        NULL,
                        "A FILE, in JSON, names policies and entities, has requests, each with what is\n"
                        "expected; givc.policy(5) shows one. Ends with 0 when all is so, else with 1." },
        {}
};

#define CERTIFIES (VERB_LOCAL | VERB_CERTIFIES)

static const Verb certs[] = {
        { "certs init", 0, 1, CERTIFIES, 0, verb_certs_init, "[NAME]", "make an authority", NULL,
                        "Its name is 'givc' where none is said, its lifetime ten years. Who has the\n"
                        "ca-key.pem can be any machine." },
        { "certs issue", 1, VERB_ANY, CERTIFIES, 0, verb_certs_issue, "NAME [ADDRESS…]", "a certificate for a machine",
                        NULL,
                        "  certs issue app-vm 192.168.101.5\n"
                        "The folder app-vm in the authority's has all that goes to the machine then." },
        { "certs renew", 0, VERB_ANY, CERTIFIES, 0, verb_certs_renew, "[NAME…]", "another one for as long", NULL,
                        "Without a NAME all are renewed; with --within=30d those that end so soon.\n"
                        "The key stays, unless --new-key is said. Daemons see the files change." },
        { "certs revoke", 1, VERB_ANY, CERTIFIES, 0, verb_certs_revoke, "NAME…", "let nobody trust it any more", NULL,
                        "All that a machine ever got. The list, crl.pem, has to get to all machines." },
        { "certs show", 0, VERB_ANY, CERTIFIES | VERB_TABLE, 0, verb_certs_show, "[NAME | PATH…]", "what they say",
                        NULL, NULL },
        { "certs check", 0, VERB_ANY, CERTIFIES, 0, verb_certs_check, "[NAME | DIR…]", "what is wrong with them", NULL,
                        "What ends within 30 days, does not fit together, is revoked, or is for\n"
                        "everybody to read. Ends with 0 when nothing is wrong, else with 1." },
        {}
};

static const Verb verbs[] = {
        { "list", 0, VERB_ANY, VERB_DEFAULT | VERB_TABLE, ASK_USEC, verb_list, "[PATTERN…]",
                        "VMs and what is in them (the default)", "Look",
                        "PATTERNs, as 'foo*', choose by the name of a unit or of a VM." },
        { "status", 1, 2, VERB_REPEATS | VERB_PLACED | VERB_LINES, ASK_USEC, verb_status, "NAME | VM UNIT",
                        "a unit as its VM's systemd sees it", NULL,
                        "NAME is a unit, with or without '.service', or a VM. Ends with 0 when it is\n"
                        "active, 3 when it is not, 4 when there is none." },
        { "show", 1, 1, VERB_PLACED, ASK_USEC, verb_show, "NAME", "properties", NULL,
                        "Prints Property=value lines, or one JSON object." },
        { "is-online", 1, 1, VERB_WAITS | VERB_PLACED | VERB_JOINS, ASK_USEC, verb_is_online, "NAME",
                        "whether it is up", NULL,
                        "Whether a VM can be worked with, or a unit runs.\n"
                        "Ends with 0 when it is so, 3 when not, 4 when nothing has that name." },
        { "hwid", 1, 1, VERB_JOINS, ASK_USEC, verb_hwid, "NAME", "its MAC", NULL,
                        "The MAC address by which the hardware of a VM, or of the host, is known." },
        { "watch", 0, VERB_ANY, VERB_ENDLESS, 0, verb_watch, "[PATTERN…]", "a line for each change", NULL,
                        "It goes on until Ctrl-C. PATTERNs choose as with 'list'." },
        { "top", 0, VERB_ANY, VERB_ENDLESS | VERB_TABLE | VERB_JOINS, 0, verb_top, "[PATTERN…]", "how busy VMs are",
                        NULL,
                        "PATTERNs, as 'foo*', choose VMs by name. On a terminal it is shown anew each two\n"
                        "seconds, until Ctrl-C; elsewhere once. Percents are of all CPUs of the VM." },
        { "logs", 1, 2, VERB_LINES | VERB_FOLLOWS, 0, verb_logs, "VM [UNIT]", "what units of a VM have written", NULL,
                        "  logs foo-vm          the last 10 lines of all units that the VM exposes\n"
                        "  logs foo-vm foo -f   of the app 'foo', all instances, and on; or of a unit\n"
                        "  logs foo-vm --since=today -n all" },
        { "start", 1, 2, ACTS | VERB_ARGUMENTS | VERB_WAITS, ACT_USEC, verb_act, "[KIND] NAME [-- ARG…]",
                        "start an app; KIND: service or vm", "Act",
                        "  start foo            the app 'foo' on VM 'foo-vm', started when off\n"
                        "  start foo --vm=bar   on VM 'bar'; prints the instance, as 'foo@0.service'\n"
                        "  start service foo    the unit 'foo.service', on the VM that has it\n"
                        "  start vm foo         the VM 'foo', and wait for its agent" },
        { "stop", 1, 2, ACTS, ACT_USEC, verb_act, "[KIND] NAME", "stop one or all instances of an app", NULL,
                        "  stop foo@0           an instance of the app 'foo'; 'stop foo' stops all\n"
                        "  stop service foo     the unit 'foo.service', on the VM that has it\n"
                        "  stop vm foo          the VM 'foo'" },
        { "pause", 1, 2, ACTS, ACT_USEC, verb_act, "[app] NAME", "freeze an app", NULL,
                        "NAME is an instance, as 'foo@0', or an app for all of its instances." },
        { "resume", 1, 2, ACTS | VERB_JOINS, ACT_USEC, verb_act, "[app] NAME", "let it go on", NULL,
                        "Lets an app that is paused go on: an instance, as 'foo@0', or all of them." },
        { "kill", 1, 1, VERB_CHANGES | VERB_PLACED | VERB_KILLS, ASK_USEC, verb_kill, "NAME", "send a signal to a unit",
                        NULL,
                        "  kill foo@0           end an instance of the app 'foo', by SIGTERM\n"
                        "  kill -s HUP foo      tell the unit 'foo.service', on the VM that has it\n"
                        "  kill -s KILL foo-vm  the VM 'foo-vm', by its unit on the host: it loses power" },
        { "exec", 1, 1, VERB_ARGUMENTS | VERB_EXECUTES, 0, verb_exec, "VM -- COMMAND [ARG…]",
                        "run a command on it, as ssh does", NULL,
                        "Its input and output are ours, and so is its exit status; 255 is a failure\n"
                        "of our own. VMs run what their configuration permits. With -t, Ctrl-] three\n"
                        "times leaves." },
        { "notify", 1, 3, VERB_NOTIFIES, ASK_USEC, verb_notify, "VM [TITLE [MESSAGE]]", "show something to its user",
                        NULL, "  notify gui-vm 'Disk full' 'Please clean up.' --urgency=critical" },
        { "poweroff", 0, 0, VERB_CHANGES | VERB_DETACHES, ACT_USEC, verb_power, "", "power the host off", "Host",
                        NULL },
        { "reboot", 0, 0, VERB_CHANGES | VERB_DETACHES | VERB_JOINS, ACT_USEC, verb_power, "", "reboot it", NULL,
                        "Reboots the host." },
        { "suspend", 0, 0, VERB_CHANGES | VERB_DETACHES | VERB_JOINS, 0, verb_power, "", "suspend it", NULL,
                        "Suspends the host. The answer comes after it was resumed." },
        { "update", 1, VERB_ANY, VERB_UPDATES, 0, NULL, "list|query|cachix", "versions of its system: see, and change",
                        NULL,
                        "  update list                  the generations that the host has\n"
                        "  update query --source=URL    what a server of updates offers\n"
                        "  update cachix PIN            go to what a binary cache has by that name",
                        updates },
        { "wifi", 1, VERB_ANY, RADIO, ASK_USEC, NULL, "list|status|connect|…", "wireless networks", NULL,
                        "  wifi list            the networks that the radio of net-vm sees\n"
                        "  wifi status          the one that it is connected to\n"
                        "  wifi connect SSID    asks for the password, or reads it when it is piped\n"
                        "  wifi disconnect\n"
                        "  wifi on, wifi off    the radio\n"
                        "Another VM than net-vm is said with --vm.",
                        wifi },
        { "set-locale", 1, VERB_ANY, 0, ASK_USEC, verb_set_locale, "NAME", "language of all VMs", NULL,
                        "  set-locale fi_FI.UTF-8\n"
                        "  set-locale LANG=en_US.UTF-8 LC_TIME=fi_FI.UTF-8" },
        { "set-timezone", 1, 1, VERB_JOINS, ASK_USEC, verb_set_timezone, "NAME", "time zone", NULL,
                        "The time zone of all VMs: set-timezone Europe/Helsinki" },
        { "call", 1, 2, VERB_CHANGES, 0, verb_call, "METHOD [JSON | -]", "any method, its messages as JSON", "More",
                        "  call QueryList\n"
                        "  call GetUnitStatus '{\"VmName\": \"net-vm\", \"UnitName\": \"foo.service\"}'\n"
                        "With '-' requests come from standard input. 'introspect' shows what there is." },
        { "introspect", 0, 1, VERB_LOCAL_NAMES, ASK_USEC, verb_introspect, "[NAME]", "what there is to call", NULL,
                        "NAME is a service, a method or a message." },
        { "cat-config", 0, 0, VERB_LOCAL, 0, verb_cat_config, "", "own settings", NULL,
                        "Each with where it is from, what the own certificate says, and what is wrong.\n"
                        "Asks nobody. Ends with 0, or with 1 when something is wrong." },
        { "policy", 1, VERB_ANY, VERB_LOCAL | VERB_JOINS | VERB_JUDGES | VERB_TESTS, 0, NULL,
                        "check|authorize|explain|test", "access rules", NULL,
                        "  policy check FILE…       find mistakes in rules\n"
                        "  policy authorize         decide a call by them\n"
                        "  policy explain           and say why\n"
                        "  policy test FILE…        try them on requests\n"
                        "'policy check -h' and so on say more, givc.policy(5) teaches rules. Asks nobody.",
                        policies },
        { "certs", 1, VERB_ANY, CERTIFIES | VERB_JOINS | VERB_TABLE, 0, NULL, "init|issue|renew|revoke|show|check",
                        "certificates", NULL,
                        "  certs init               make an authority\n"
                        "  certs issue NAME ADDR…   a certificate for a machine\n"
                        "  certs renew [NAME…]      another one for as long\n"
                        "  certs revoke NAME…       let nobody trust it any more\n"
                        "  certs show [NAME…]       what they say\n"
                        "  certs check [NAME…]      what is wrong with them\n"
                        "Files are in --dir, /etc/givc/authority. Asks nobody.",
                        certs },
        { "query", 0, 0, VERB_REFERENCE, ASK_USEC, verb_query, "", NULL, NULL },
        { "query-list", 0, 0, VERB_REFERENCE, ASK_USEC, verb_query, "", NULL, NULL },
        { "get-status", 2, 2, VERB_REFERENCE, ASK_USEC, verb_get_status, "VM UNIT", NULL, NULL },
        { "get-stats", 1, 1, VERB_REFERENCE, ASK_USEC, verb_get_stats, "VM", NULL, NULL },
        { "ctap", 1, 1, VERB_REFERENCE, ACT_USEC, verb_ctap, "OPERATION[+ARG]", NULL, NULL },
        { "sysinfo", 0, 0, VERB_REFERENCE, ASK_USEC, verb_sysinfo, "", NULL, NULL },
        { "notify-user", 1, 1, VERB_REFERENCE | VERB_NOTIFIES, ASK_USEC, verb_notify, "VM", NULL, NULL },
        { "wakeup", 0, 0, VERB_REFERENCE | VERB_CHANGES | VERB_DETACHES, ACT_USEC, verb_power, "", NULL, NULL },
        { "test", 2, 2, VERB_REFERENCE | VERB_PLACED, 0, verb_test, "ensure --retry=N UNIT", NULL, NULL },
};

const Verb *verb_get(size_t i) {
        return i < ELEMENTSOF(verbs) ? verbs + i : NULL;
}

const Verb *verb_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (name ? streq(name, verbs[i].name) : verbs[i].flags & VERB_DEFAULT)
                        return verbs + i;
        return NULL;
}

const char *verb_get_word(const Verb *v) {
        const char *blank = strchr(v->name, ' ');

        return blank ? blank + 1 : v->name;
}

const Verb *verb_find_below(const Verb *v, const char *word) {
        for (const Verb *b = v->below; b && b->name; b++)
                if (streq(verb_get_word(b), word))
                        return b;
        return NULL;
}

char **verb_get_rest(const Verb *v, const Options *o, size_t *ret_n) {
        size_t n = MIN(o->n_words, strchr(v->name, ' ') ? 2u : 1u);

        *ret_n = o->n_words - n;
        return o->words + n;
}

const char *verb_suggest(const char *name) {
        Nearest n = nearest_begin(name, strlen(name));

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (n.n_edits > 1 && strlen(name) > 1 && startswith(verbs[i].name, name)) {
                        n.n_edits = 1;
                        n.word = verbs[i].name;
                } else
                        nearest_consider(&n, verbs[i].name, strlen(verbs[i].name));
        return n.word;
}

CtlExit verb_usage(const char *name) {
        const char *meant = verb_suggest(name);

        return ctl_usage("Unknown verb '%s'%s%s%s", name, meant ? ", did you mean '" : "", strempty(meant),
                        meant ? "'?" : ".");
}

/* "'lsit' is none of list, status, connect, disconnect, on and off." */
static CtlExit verb_usage_below(const Verb *v, const char *word) {
        _cleanup_free_ char *words = NULL;

        for (const Verb *b = v->below; b->name; b++)
                if (str_extend(&words, b[1].name ? ", " : " and ", "%s", verb_get_word(b)) < 0)
                        break;
        return ctl_usage("'%s' is none of %s.", word, strempty(words));
}

static CtlExit verb_check_words(const Verb *v, size_t n, char *const *words) {
        if (n < v->min_words)
                return ctl_usage("'%s' needs more: %s %s", v->name, v->name, v->synopsis);
        if (n > v->max_words)
                return ctl_usage("'%s' is too much: %s%s%s", words[v->max_words], v->name, v->synopsis[0] ? " " : "",
                                v->synopsis);
        return CTL_OK;
}

static CtlExit verb_check_options(const Options *o, const Verb *v) {
        const OptionRow *row;

        for (size_t i = 0; (row = option_get(i)); i++)
                if (row->verbs && !(row->verbs & v->flags) && option_is_said(o, row))
                        return ctl_usage("--%s is not for '%s'; 'givcctl %s -h' shows what is.", row->name, v->name,
                                        v->name);
        return CTL_OK;
}

CtlExit verb_from_options(const Options *o, const Verb **ret) {
        const char *name = o->n_words > 0 ? o->words[0] : NULL;
        const Verb *v = verb_find(name);
        char **words;
        size_t n;
        CtlExit e;

        if (!name && o->reference)
                return ctl_usage("givc-cli needs a command.");
        if (!v)
                return verb_usage(name);
        words = verb_get_rest(v, o, &n);
        e = verb_check_words(v, n, words);
        if (e == CTL_OK && v->below) {
                const Verb *below = verb_find_below(v, words[0]);

                if (!below)
                        return verb_usage_below(v, words[0]);
                v = below;
                words = verb_get_rest(v, o, &n);
                e = verb_check_words(v, n, words);
        }
        if (e == CTL_OK)
                e = verb_check_options(o, v);
        if (e != CTL_OK)
                return e;
        if (o->arguments && !(v->flags & VERB_ARGUMENTS))
                return ctl_usage("'%s' takes no arguments behind '--': %s %s", v->name, v->name, v->synopsis);
        *ret = v;
        return CTL_OK;
}
