/* SPDX-License-Identifier: Apache-2.0 */
/* Which units this agent answers for, and as what it registers them. Made from the configuration once; pure. */
#pragma once

#include "agent/config.h"

typedef struct Exposure Exposure;

typedef struct ExposedUnit {
        char *name;
        uint32_t type; /* registration type */
} ExposedUnit;

/* Borrows the configuration. 0 or -ENOMEM. */
int exposure_new(const Config *config, Exposure **ret) _warn_unused_;
Exposure *exposure_free(Exposure *e);
DEFINE_CLEANUP(Exposure *, exposure_free)

/* givc-NAME.service: the name that the agent's own unit has for others, whatever its file is called. */
const char *exposure_get_own_name(const Exposure *e);
/* The exact name of a configured unit, of the agent itself or of an application, or one of these followed by
 * @DIGITS.service. */
bool exposure_contains(const Exposure *e, const char *name);
/* The agent's own name, or exactly that of a configured unit: it is shown also when systemd does not know it. */
bool exposure_is_configured(const Exposure *e, const char *name);
/* An instance of an application of the configuration, APPLICATION@DIGITS.service. */
bool exposure_is_application(const Exposure *e, const char *name);
/* The configured units, without the agent's own; an array of *ret_n that the exposure owns. */
const ExposedUnit *exposure_get_units(const Exposure *e, size_t *ret_n);
/* The unit is NAME@DIGITS.service of one of the names. For threads, too. */
bool exposure_has_instance(char *const *names, const char *unit);
