/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/message.h"

#include "base/str.h"

Systemd__UnitStatus unit_message(const UnitStatus *status) {
        Systemd__UnitStatus message = SYSTEMD__UNIT_STATUS__INIT;

        message.name = (char *) strempty(status->name);
        message.description = (char *) strempty(status->description);
        message.loadstate = (char *) strempty(status->load_state);
        message.activestate = (char *) strempty(status->active_state);
        message.substate = (char *) strempty(status->sub_state);
        message.path = (char *) strempty(status->path);
        message.freezerstate = (char *) strempty(status->freezer_state);
        return message;
}
