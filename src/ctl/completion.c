/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/completion.h"

#include "base/str.h"
#include "ctl/verbs.h"

/* What completes the word behind an option or a verb. */
typedef enum Words {
        WORDS_NONE,
        WORDS_NAMES,
        WORDS_FILES,
        WORDS_METHODS,
        WORDS_BELOW, /* the verb has verbs of its own */
        WORDS_JSON,
        WORDS_SHELLS,
        WORDS_SIGNALS,
        WORDS_WHOM,
        WORDS_MAX_,
} Words;

#define SIGNALS "HUP INT QUIT ABRT KILL USR1 USR2 TERM CONT STOP WINCH"

static const char *const functions[WORDS_MAX_] = {
        [WORDS_NAMES] = "_givcctl_names",
        [WORDS_METHODS] = "_givcctl_methods",
        [WORDS_JSON] = "echo short pretty off | tr ' ' '\\n'",
        [WORDS_SHELLS] = "echo bash zsh fish | tr ' ' '\\n'",
        [WORDS_SIGNALS] = "echo " SIGNALS " | tr ' ' '\\n'",
        [WORDS_WHOM] = "echo main control all | tr ' ' '\\n'",
};

static Words option_get_words(const OptionRow *o) {
        if (streq_ptr(o->name, "vm"))
                return WORDS_NAMES;
        if (streq_ptr(o->name, "json"))
                return WORDS_JSON;
        if (streq_ptr(o->name, "completion"))
                return WORDS_SHELLS;
        if (streq_ptr(o->name, "signal"))
                return WORDS_SIGNALS;
        if (streq_ptr(o->name, "kill-whom"))
                return WORDS_WHOM;
        return streq_ptr(o->argument, "FILE") ? WORDS_FILES : WORDS_NONE;
}

static Words verb_get_words(const Verb *v) {
        if (streq(v->name, "call") || streq(v->name, "introspect"))
                return WORDS_METHODS;
        if (v->below)
                return WORDS_BELOW;
        return v->max_words > 0 ? WORDS_NAMES : WORDS_NONE;
}

/* "list query cachix" */
static void print_below(FILE *f, const Verb *v) {
        for (const Verb *b = v->below; b->name; b++)
                fprintf(f, "%s%s", b == v->below ? "" : " ", verb_get_word(b));
}

/* What asks nobody has files behind its words. */
static bool verb_has_files(const Verb *v) {
        return v->below && v->flags & VERB_LOCAL;
}

/* Text inside of '', with a backslash before each of the special characters. */
static void print_quoted(FILE *f, const char *text, const char *special, const char *quote) {
        for (; *text; text++) {
                if (*text == '\'') {
                        fputs(quote, f);
                        continue;
                }
                if (strchr(special, *text))
                        fputc('\\', f);
                fputc(*text, f);
        }
}

/* What peers have named must never be taken for shell code: it is only read, compared and quoted. */
static const char sources[] =
                "_givcctl_names() {\n"
                "        givcctl list --json=short --timeout=2 2>/dev/null |\n"
                "                grep -oE '\"(Name|VmName|Vm)\":\"[^\"\\\\]+\"' | cut -d'\"' -f4 | sort -u\n"
                "}\n"
                "_givcctl_methods() {\n"
                "        givcctl introspect admin.AdminService | sed -n 's/^  rpc \\([A-Za-z]*\\).*/\\1/p'\n"
                "}\n";

static void bash_print_options(FILE *f, Words words) {
        const char *between = "        ";
        const OptionRow *o;

        for (size_t i = 0; (o = option_get(i)); i++)
                if (o->name && o->argument && o->argument[0] != '[' && option_get_words(o) == words) {
                        fprintf(f, "%s--%s", between, o->name);
                        between = " | ";
                        if (o->letter)
                                fprintf(f, "%s-%c", between, o->letter);
                }
        if (words == WORDS_FILES)
                fputs(")\n                mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n                return "
                      ";;\n",
                                f);
        else if (words == WORDS_NONE)
                fputs(") return ;;\n", f);
        else
                fprintf(f, ") _givcctl_offer < <(%s); return ;;\n", functions[words]);
}

static void bash_print_verbs(FILE *f, Words words) {
        const char *between = "        ";
        const Verb *v;

        for (size_t i = 0; (v = verb_get(i)); i++)
                if (verb_get_words(v) == words) {
                        fprintf(f, "%s%s", between, v->name);
                        between = " | ";
                }
        fprintf(f, ") _givcctl_offer < <(%s) ;;\n", functions[words]);
}

static void bash_print_verbs_below(FILE *f) {
        const Verb *v;

        for (size_t i = 0; (v = verb_get(i)); i++) {
                if (!v->below)
                        continue;
                fprintf(f, "        %s)\n", v->name);
                if (verb_has_files(v))
                        fputs("                if [[ -n $below ]]; then\n"
                              "                        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                              "                        return\n"
                              "                fi\n",
                                        f);
                fputs("                _givcctl_offer < <(printf '%s\\n' ", f);
                print_below(f, v);
                fputs(") ;;\n", f);
        }
}

static void bash_print(FILE *f) {
        const OptionRow *o;
        const Verb *v;

        fprintf(f, "# bash completion for givcctl\n%s", sources);
        fputs("_givcctl_offer() {\n"
              "        local word\n"
              "        while IFS= read -r word; do\n"
              "                [[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %q \"$word\")\")\n"
              "        done\n"
              "}\n"
              "_givcctl_static() {\n"
              "        printf '%s\\n'",
                        f);
        for (size_t i = 0; (v = verb_get(i)); i++)
                fprintf(f, " %s", v->name);
        fputs("\n}\n_givcctl_options() {\n        printf '%s\\n'", f);
        for (size_t i = 0; (o = option_get(i)); i++) {
                if (o->letter)
                        fprintf(f, " -%c", o->letter);
                if (o->name)
                        fprintf(f, " --%s", o->name);
        }
        fputs("\n}\n_givcctl() {\n"
              "        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb='' below='' word i\n"
              "        COMPREPLY=()\n"
              "        [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
              "        [[ $cur == = ]] && cur=''\n"
              "        case $prev in\n",
                        f);
        for (Words w = WORDS_NONE; w < WORDS_MAX_; w++)
                if (w != WORDS_METHODS && w != WORDS_BELOW)
                        bash_print_options(f, w);
        fputs("        esac\n"
              "        for ((i = 1; i < COMP_CWORD; i++)); do\n"
              "                word=${COMP_WORDS[i]}\n"
              "                [[ $word == -- ]] && return\n"
              "                if [[ $word != -* && $word != = && -n $verb ]]; then\n"
              "                        below=$word\n"
              "                elif [[ $word != -* && $word != = ]] && _givcctl_static | grep -qxF -e "
              "\"$word\"; then\n"
              "                        verb=$word\n"
              "                fi\n"
              "        done\n"
              "        if [[ $cur == -* ]]; then\n"
              "                _givcctl_offer < <(_givcctl_options)\n"
              "                return\n"
              "        fi\n"
              "        case $verb in\n"
              "        '') _givcctl_offer < <(_givcctl_static) ;;\n",
                        f);
        bash_print_verbs(f, WORDS_NAMES);
        bash_print_verbs(f, WORDS_METHODS);
        bash_print_verbs_below(f);
        fputs("        esac\n}\ncomplete -F _givcctl givcctl givc-cli\n", f);
}

static void zsh_print_option(FILE *f, const OptionRow *o) {
        static const char *const actions[WORDS_MAX_] = { "", "_givcctl_offer_names", "_files", "", "",
                "(short pretty off)", "(bash zsh fish)", "(" SIGNALS ")", "(main control all)" };
        const char *equal = !o->argument ? "" : o->argument[0] == '[' ? "=-" : "=";

        if (!o->help)
                return;
        for (int named = 0; named < 2; named++) {
                if (named ? !o->name : !o->letter)
                        continue;
                if (named)
                        fprintf(f, "                '--%s%s[", o->name, equal);
                else
                        fprintf(f, "                '-%c[", o->letter);
                print_quoted(f, o->help, ":[]\\", "'\\''");
                fputc(']', f);
                if (o->argument)
                        fprintf(f, "%s:value:%s", o->argument[0] == '[' ? ":" : "", actions[option_get_words(o)]);
                fputs("' \\\n", f);
        }
}

static void zsh_print_verbs_below(FILE *f) {
        const Verb *v;

        for (size_t i = 0; (v = verb_get(i)); i++) {
                if (!v->below)
                        continue;
                fprintf(f, "        %s) %scompadd ", v->name,
                                verb_has_files(v) ? "if ((CURRENT > 3)); then _files; return; fi; " : "");
                print_below(f, v);
                fputs(" ;;\n", f);
        }
}

static void zsh_print(FILE *f) {
        const OptionRow *o;
        const Verb *v;

        fprintf(f, "#compdef givcctl givc-cli\n%s", sources);
        fputs("_givcctl_offer_names() {\n"
              "        local -a names\n"
              "        names=(${(f)\"$(_givcctl_names)\"})\n"
              "        compadd -a names\n"
              "}\n"
              "_givcctl_offer_verbs() {\n"
              "        local -a verbs\n"
              "        verbs=(\n",
                        f);
        for (size_t i = 0; (v = verb_get(i)); i++) {
                fprintf(f, "                '%s:", v->name);
                print_quoted(f, v->help ? v->help : "as givc-cli has it", ":\\", "'\\''");
                fputs("'\n", f);
        }
        fputs("        )\n"
              "        _describe verb verbs\n"
              "}\n"
              "_givcctl_offer_words() {\n"
              "        local -a methods\n"
              "        case $words[2] in\n"
              "        call | introspect)\n"
              "                methods=(${(f)\"$(_givcctl_methods)\"})\n"
              "                compadd -a methods ;;\n",
                        f);
        zsh_print_verbs_below(f);
        fputs("        *) _givcctl_offer_names ;;\n"
              "        esac\n"
              "}\n"
              "_givcctl() {\n"
              "        _arguments -S \\\n",
                        f);
        for (size_t i = 0; (o = option_get(i)); i++)
                zsh_print_option(f, o);
        fputs("                '1:verb:_givcctl_offer_verbs' \\\n"
              "                '*:name:_givcctl_offer_words'\n"
              "}\n"
              "if [ \"$funcstack[1]\" = _givcctl ]; then\n"
              "        _givcctl \"$@\"\n"
              "else\n"
              "        compdef _givcctl givcctl givc-cli\n"
              "fi\n",
                        f);
}

static void fish_print_verb(FILE *f, const Verb *v) {
        static const char *const sources_of[WORDS_MAX_] = {
                [WORDS_NAMES] = "__givcctl_names", [WORDS_METHODS] = "__givcctl_methods"
        };
        const char *source = sources_of[verb_get_words(v)];

        fprintf(f, "complete -c givcctl -n __fish_use_subcommand -a %s -d '", v->name);
        print_quoted(f, v->help ? v->help : "as givc-cli has it", "\\", "\\'");
        fputs("'\n", f);
        if (source)
                fprintf(f, "complete -c givcctl -n '__fish_seen_subcommand_from %s' -a '(%s)'\n", v->name, source);
        if (!v->below)
                return;
        fprintf(f, "complete -c givcctl -n '__fish_seen_subcommand_from %s' -a '", v->name);
        print_below(f, v);
        fputs("'\n", f);
        if (verb_has_files(v))
                fprintf(f,
                                "complete -c givcctl -n '__fish_seen_subcommand_from %s; "
                                "and test (count (commandline -opc)) -gt 2' -F\n",
                                v->name);
}

static void fish_print_option(FILE *f, const OptionRow *o) {
        static const char *const words[WORDS_MAX_] = {
                [WORDS_NONE] = " -x",
                [WORDS_NAMES] = " -x -a '(__givcctl_names)'",
                [WORDS_FILES] = " -r -F",
                [WORDS_METHODS] = " -x",
                [WORDS_BELOW] = " -x",
                [WORDS_JSON] = " -x -a 'short pretty off'",
                [WORDS_SHELLS] = " -x -a 'bash zsh fish'",
                [WORDS_SIGNALS] = " -x -a '" SIGNALS "'",
                [WORDS_WHOM] = " -x -a 'main control all'",
        };

        if (!o->help)
                return;
        fputs("complete -c givcctl", f);
        if (o->letter)
                fprintf(f, " -s %c", o->letter);
        if (o->name)
                fprintf(f, " -l %s", o->name);
        if (o->argument && o->argument[0] != '[')
                fputs(words[option_get_words(o)], f);
        fputs(" -d '", f);
        print_quoted(f, o->help, "\\", "\\'");
        fputs("'\n", f);
}

static void fish_print(FILE *f) {
        const OptionRow *o;
        const Verb *v;

        fputs("# fish completion for givcctl\n"
              "function __givcctl_names\n"
              "        givcctl list --json=short --timeout=2 2>/dev/null |\n"
              "                grep -oE '\"(Name|VmName|Vm)\":\"[^\"\\\\\\\\]+\"' | cut -d'\"' -f4 | sort -u\n"
              "end\n"
              "function __givcctl_methods\n"
              "        givcctl introspect admin.AdminService | sed -n 's/^  rpc \\([A-Za-z]*\\).*/\\1/p'\n"
              "end\n"
              "complete -c givcctl -f\n"
              "complete -c givc-cli -w givcctl\n",
                        f);
        for (size_t i = 0; (v = verb_get(i)); i++)
                fish_print_verb(f, v);
        for (size_t i = 0; (o = option_get(i)); i++)
                fish_print_option(f, o);
}

int completion_print(FILE *f, const char *shell) {
        static const struct {
                const char *shell;
                void (*print)(FILE *f);
        } rows[] = {
                { "bash", bash_print },
                { "zsh", zsh_print },
                { "fish", fish_print },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(shell, rows[i].shell)) {
                        rows[i].print(f);
                        return 0;
                }
        return -EINVAL;
}
