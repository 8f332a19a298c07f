/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/help.h"

#include <stdio.h>

#include "base/str.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"

#define LABEL_WIDTH 8
#define WORDS_WIDTH 30
#define WORDS_SIZE  64

/* Pads by columns, not by bytes. */
static void print_padded(const char *text, int width) {
        for (const char *p = text; *p; p++)
                width -= ((unsigned char) *p & 0xc0) != 0x80;
        printf("%s%*s", text, MAX(width, 0), "");
}

static void print_line(const char *label, int label_width, const char *words, const char *help) {
        print_padded(label, label_width);
        print_padded(words, WORDS_WIDTH);
        printf(" %s\n", help);
}

static const char *option_to_words(const OptionRow *row, char ret[WORDS_SIZE]) {
        char letter[8] = "";

        if (row->letter)
                (void) snprintf(letter, sizeof(letter), "-%c%s", row->letter, row->name ? ", " : "");
        if (row->argument && row->argument[0] == '[')
                (void) snprintf(ret, WORDS_SIZE, "--%s[=%s", row->name, row->argument + 1);
        else
                (void) snprintf(ret, WORDS_SIZE, "%s%s%s%s%s", letter, row->name ? "--" : "", strempty(row->name),
                                row->argument ? "=" : "", strempty(row->argument));
        return ret;
}

static const char *verb_to_words(const Verb *v, char ret[WORDS_SIZE]) {
        (void) snprintf(ret, WORDS_SIZE, "%s%s%s", v->name, v->synopsis[0] ? " " : "", v->synopsis);
        return ret;
}

/* Verbs that share a line share their synopsis, too. */
static size_t print_joined_verbs(size_t i) {
        const Verb *first = verb_get(i), *v;
        char words[WORDS_SIZE], help[2 * WORDS_SIZE];
        size_t n = 0, m = 0;

        for (v = first; v && (v == first || v->flags & VERB_JOINS); v = verb_get(++i)) {
                n += (size_t) snprintf(words + n, sizeof(words) - n, "%s%s", v == first ? "" : ", ", v->name);
                m += (size_t) snprintf(help + m, sizeof(help) - m, "%s%s", v == first ? "" : "; ", v->help);
        }
        (void) snprintf(words + n, sizeof(words) - n, "%s%s", first->synopsis[0] ? " " : "", first->synopsis);
        print_line(strempty(first->group), LABEL_WIDTH, words, help);
        return i;
}

static void print_first_screen(void) {
        char words[WORDS_SIZE];
        const char *label = "Options";
        const OptionRow *row;
        const Verb *v;

        puts("givcctl [OPTION…] [VERB] [NAME…]: the VMs of this machine, and what runs in them\n");
        for (size_t i = 0; (v = verb_get(i)) && !(v->flags & VERB_REFERENCE);)
                i = print_joined_verbs(i);
        puts("");
        for (size_t i = 0; (row = option_get(i)); i++)
                if (row->common) {
                        print_line(label, LABEL_WIDTH, option_to_words(row, words), row->help);
                        label = "";
                }
        puts("'givcctl VERB -h' explains a verb; --help-all and givcctl(1) tell everything.");
}

static void print_options(VerbFlags verbs) {
        char words[WORDS_SIZE];
        const OptionRow *row;

        for (size_t i = 0; (row = option_get(i)); i++)
                if (row->help && row->verbs & verbs)
                        print_line("", 2, option_to_words(row, words), row->help);
}

static void print_all_options(void) {
        char words[WORDS_SIZE];
        const OptionRow *row;

        for (size_t i = 0; (row = option_get(i)); i++) {
                if (!row->help)
                        continue;
                if (row->group)
                        printf("\n%s:\n", row->group);
                print_line("", 2, option_to_words(row, words), row->help);
        }
}

/* The line of a verb that shares one with others makes sense behind those only. */
static void print_verb(const Verb *v) {
        const char *help = v->flags & VERB_REFERENCE ? "as givc-cli has it" : v->flags & VERB_JOINS ? NULL : v->help;
        char words[WORDS_SIZE];

        printf("givcctl %s%s%s\n", verb_to_words(v, words), help ? ": " : "", strempty(help));
        if (v->more)
                printf("\n%s\n", v->more);
        puts("");
        print_options(v->flags);
        puts("'givcctl --help-all' shows the options of all verbs; see givcctl(1).");
}

static void print_all(void) {
        const char *before = "\nAs givc-cli has them: ";
        char words[WORDS_SIZE];
        const Verb *v;

        puts("givcctl [OPTION…] [VERB] [NAME…]\n\nLook at the VMs of this machine and at what runs in them, and "
             "control it.");
        for (size_t i = 0; (v = verb_get(i)); i++) {
                if (v->flags & VERB_REFERENCE) {
                        printf("%s%s", before, v->name);
                        before = ", ";
                        continue;
                }
                if (v->group)
                        printf("\n%s:\n", v->group);
                print_line("", 2, verb_to_words(v, words), v->help);
        }
        puts(".");
        print_all_options();
        puts("\nWithout an address: " CTL_ADMIN_DEFAULT ". 'givcctl VERB -h' explains a verb.");
}

CtlExit help_show(const Options *o) {
        const char *name = o->n_words > 0 ? o->words[0] : NULL;
        const Verb *v = name ? verb_find(name) : NULL, *below;

        if (name && !v && !o->help_all)
                return verb_usage(name);
        below = v && o->n_words > 1 ? verb_find_below(v, o->words[1]) : NULL;
        if (below && below->more)
                v = below;
        pager_open(o);
        if (o->help_all)
                print_all();
        else if (v)
                print_verb(v);
        else
                print_first_screen();
        return CTL_OK;
}
