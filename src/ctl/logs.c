/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl logs: what the units of a VM have written to its journal. */
#include "base/mem.h"
#include "base/str.h"
#include "ctl/lines.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"

CtlExit verb_logs(Ctl *ctl, char **words, size_t n_words) {
        Journal__JournalRequest request = JOURNAL__JOURNAL_REQUEST__INIT;
        const Options *o = &ctl->options;
        _cleanup_free_ char *what = NULL;
        RpcStatus status = {};
        int r;

        request.vmname = words[0];
        request.unitname = n_words > 1 ? words[1] : (char *) "";
        request.since = o->since_usec;
        request.follow = o->follow;
        if (o->lines || !o->since)
                lines_set_number(&request, o, LINES_DEFAULT);
        if (!o->follow)
                pager_open(o);
        r = lines_show_wait(ctl, &request, "", &status);
        if (r == 0 && o->follow)
                r = rpc_error(&status, RPC_UNAVAILABLE, "The admin ended the stream");
        if (r == 0 && o->output == OUTPUT_TEXT)
                puts("-- No entries --");
        what = n_words > 1 ? strf("read the journal of '%s' in VM '%s'", words[1], words[0])
                           : strf("read the journal of VM '%s'", words[0]);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
