/* SPDX-License-Identifier: Apache-2.0 */
/* What applications get of the agent's environment. */
#pragma once

#include "base/macro.h"

/* A new list of the assignments that are for every program of the machine or session: without what the service manager
 * told this process about itself, without what is ours (configured: also without our configuration), and without what
 * systemd would refuse. 0 or -ENOMEM. */
int environment_for_applications(char *const *own, bool configured, char ***ret) _warn_unused_;
