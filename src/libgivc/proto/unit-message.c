/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/unit-message.h"

#include "base/str.h"

Systemd__UnitStatus unit_message_from_status(const UnitStatus *status) {
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

UnitStatus unit_message_to_status(const Systemd__UnitStatus *message) {
        return (UnitStatus){
                .name = message->name,
                .description = message->description,
                .load_state = message->loadstate,
                .active_state = message->activestate,
                .sub_state = message->substate,
                .path = message->path,
                .freezer_state = message->freezerstate,
        };
}
