/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl notify: something for the user of a VM to see. */
#include <limits.h>
#include <unistd.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/reference.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"

/* What is shown where nothing is said. */
static const struct {
        const char *verb, *event, *title, *message;
} defaults[] = {
        { "notify", "givcctl", "Notification", "" },
        { "notify-user", "Default Event", "Default Title", "(no message)" },
};

/* Negative when it is none; for the program before this one what is neither low nor critical is normal. */
static int urgency_from_options(const Options *o, bool reference) {
        static const char *const words[] = { "low", "normal", "critical" };

        for (size_t i = 0; o->urgency && i < ELEMENTSOF(words); i++)
                if (strcasecmp(o->urgency, words[i]) == 0)
                        return (int) i;
        return !o->urgency || reference ? NOTIFY__URGENCY_LEVEL__NORMAL : -EINVAL;
}

/* Who looks at it may wonder where it comes from. */
static char *event_from_here(const char *event) {
        char name[HOST_NAME_MAX + 1] = "";

        (void) gethostname(name, sizeof(name) - 1);
        return strf("[%s] %s", name, event);
}

static int notify_wait(Ctl *ctl, char **words, size_t n_words, int urgency, Notify__Status **ret, RpcStatus *reterr) {
        Admin__UserNotificationRequest request = ADMIN__USER_NOTIFICATION_REQUEST__INIT;
        Notify__UserNotification n = NOTIFY__USER_NOTIFICATION__INIT;
        const Options *o = &ctl->options;
        const char *title = n_words > 1 ? words[1] : o->title, *message = n_words > 2 ? words[2] : o->message;
        _cleanup_free_ char *event = NULL;
        size_t i = 0;

        while (!streq(ctl->verb->name, defaults[i].verb))
                i++;
        event = event_from_here(o->event ? o->event : defaults[i].event);
        if (!event)
                return -ENOMEM;
        n.event = event;
        n.title = (char *) (title ? title : defaults[i].title);
        n.message = (char *) (message ? message : defaults[i].message);
        n.icon = (char *) (o->icon ? o->icon : "dialog-information");
        n.urgency = (Notify__UrgencyLevel) urgency;
        request.vmname = words[0];
        request.notification = &n;
        return client_call_wait(ctl->client, "NotifyUser", &request, ret, reterr);
}

CtlExit verb_notify(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_free_ char *what = strf("notify the user of '%s'", words[0]);
        _cleanup_proto_ Notify__Status *reply = NULL;
        const Options *o = &ctl->options;
        bool reference = streq(ctl->verb->name, "notify-user");
        int urgency = urgency_from_options(o, reference), r;
        RpcStatus status = {};

        if (urgency < 0)
                return ctl_usage("--urgency=%s is none of low, normal and critical.", o->urgency);
        r = notify_wait(ctl, words, n_words, urgency, &reply, &status);
        if (r >= 0 && o->output != OUTPUT_TEXT)
                r = output_json(stdout, reply, o->output, false);
        else if (r >= 0 && reference)
                reference_print_notified(stdout, reply);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
