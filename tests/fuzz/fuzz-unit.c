/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a unit's name: the same answer as a regular expression gives. */
#include <regex.h>

#include "agent/application.h"
#include "bus/unit.h"
#include "words.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LETTER "[0-9A-Za-z:_.\\-]"

static regex_t unit, instance;

int LLVMFuzzerInitialize(_unused_ int *argc, _unused_ char ***argv) {
        check(regcomp(&unit,
                              "^" LETTER "+(@[0-9A-Za-z:_.\\@-]+)?[.]"
                              "(automount|device|mount|path|scope|service|slice|socket|swap|target|timer)$",
                              REG_EXTENDED | REG_NOSUB) == 0);
        check(regcomp(&instance, "^[0-9A-Za-z_-]+@[0-9A-Za-z_-]+[.]service$", REG_EXTENDED | REG_NOSUB) == 0);
        return 0;
}

static bool matches(const regex_t *r, const char *s) {
        return regexec(r, s, 0, NULL, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = words_split(data, size);
        const char *name = w.words[0];
        bool fits = strlen(name) <= UNIT_NAME_SIZE_MAX;

        check(unit_name_is_valid(name) == (fits && matches(&unit, name)));
        check(application_instance_is_valid(name) == matches(&instance, name));
        check(!application_instance_is_valid(name) || !fits || unit_name_is_valid(name));
        return 0;
}
