/* SPDX-License-Identifier: Apache-2.0 */
/* Names that belong together: VM "net-vm" is unit "microvm@net-vm.service" of its host, and is spoken for by agent
 * "givc-net-vm.service"; application "foot" runs in VM "foot-vm", unless somebody says otherwise, as units
 * "foot@0.service", "foot@1.service" and so on. */
#pragma once

#include "base/macro.h"

/* Whether it is the name of a VM's unit, of an agent. */
bool unit_is_vm(const char *unit);
bool unit_is_agent(const char *unit);
/* The VM of its unit, of its agent: new string, NULL when out of memory or not such a name. */
char *vm_from_unit(const char *unit) _warn_unused_;
char *vm_from_agent(const char *agent) _warn_unused_;
/* New string, NULL when out of memory. */
char *vm_from_app(const char *app) _warn_unused_;
char *unit_from_vm(const char *vm) _warn_unused_;
char *agent_from_vm(const char *vm) _warn_unused_;
char *unit_from_app(const char *app, unsigned number) _warn_unused_;

/* "ANYTHING@NUMBER.service": the length of ANYTHING, or 0 when that is not what the unit is called. */
size_t instance_prefix_length(const char *unit);
/* "APP@NUMBER.service": the length of APP, in whose name there is no '@', or 0 when the unit is no such instance. */
size_t instance_app_length(const char *unit);
