/* SPDX-License-Identifier: Apache-2.0 */
#include "base/locale.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define LOWER    "abcdefghijklmnopqrstuvwxyz"
#define UPPER    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM    LOWER UPPER "0123456789"
#define ZONE     ALNUM "+-"
#define ZONE_SUB ZONE "_"

static const char *const variables[LOCALE_VARIABLES_MAX] = {
        "LANG",
        "LC_ADDRESS",
        "LC_COLLATE",
        "LC_CTYPE",
        "LC_IDENTIFICATION",
        "LC_MONETARY",
        "LC_MESSAGES",
        "LC_MEASUREMENT",
        "LC_NAME",
        "LC_NUMERIC",
        "LC_PAPER",
        "LC_TELEPHONE",
        "LC_TIME",
        "LC_ALL",
};

/* Behind language, territory and modifier, or NULL when it does not begin with a language. */
static const char *skip_language(const char *s) {
        size_t n;

        if (strspn(s, LOWER) != 2)
                return NULL;
        s += 2;
        if (s[0] == '_') {
                if (strspn(s + 1, UPPER) != 2)
                        return NULL;
                s += 3;
        }
        if (s[0] == '@') {
                n = strspn(s + 1, ALNUM);
                if (n == 0)
                        return NULL;
                s += n + 1;
        }
        return s;
}

bool locale_is_valid(const char *s) {
        const char *rest;

        if (strlen(s) > LOCALE_NAME_MAX)
                return false;
        rest = startswith(s, "POSIX");
        rest = rest ? rest : startswith(s, "C");
        rest = rest ? rest : skip_language(s);
        if (!rest || rest[0] == 0)
                return rest;
        return rest[0] == '.' && rest[1] != 0 && rest[1 + strspn(rest + 1, ALNUM "-")] == 0;
}

bool timezone_is_valid(const char *s) {
        const char *allowed = ZONE;

        if (strlen(s) > LOCALE_NAME_MAX)
                return false;
        for (;;) {
                if (s[0] == 0 || !strchr(UPPER, s[0]))
                        return false;
                s += strspn(s, allowed);
                if (s[0] != '/')
                        return s[0] == 0;
                s++;
                allowed = ZONE_SUB;
        }
}

const char *locale_variable_to_string(unsigned variable) {
        return variable < ELEMENTSOF(variables) ? variables[variable] : NULL;
}

int locale_variable_from_string(const char *s, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                if (strlen(variables[i]) == n && memcmp(variables[i], s, n) == 0)
                        return (int) i;
        return -EINVAL;
}

static bool is_assigned(char **assignments, const char *variable) {
        STRV_FOREACH(a, assignments) {
                const char *rest = startswith(*a, variable);

                if (rest && *rest == '=')
                        return true;
        }
        return false;
}

int locale_assign(char ***assignments, unsigned variable, const char *value, char **reterr) {
        const char *name = locale_variable_to_string(variable);
        _cleanup_free_ char *assignment = NULL;

        if (!name)
                return str_refuse(reterr, "There is no locale variable of number %u.", variable);
        if (!locale_is_valid(value))
                return str_refuse(reterr, "%s: '%.64s' is no name of a locale.", name, value);
        if (is_assigned(*assignments, name))
                return str_refuse(reterr, "%s is assigned to twice.", name);
        assignment = strf("%s=%s", name, value);
        return assignment ? strv_extend(assignments, assignment) : -ENOMEM;
}
