/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM may say to get into the admin's registry, or more than that: seven lines a registration, one after the
 * other, beside the host's entries. Whatever it says, it gets no further than its own certificate goes, and a limit
 * holds. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <linux/vm_sockets.h>
#include <stdio.h>

#include "admin/registration.h"
#include "admin/registry.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/str.h"
#include "words.h"

#define HOST  "givc-ghaf-host.service"
#define AGENT "givc-app-vm.service"
#define WHERE "192.168.101.5"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Identity *peer;

/* app-vm, with the certificate of app-vm, at its address. */
int LLVMFuzzerInitialize(_unused_ int *argc, _unused_ char ***argv) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(40000) };
        char directory[] = "/tmp/givc-fuzz-XXXXXX", text[256];
        _cleanup_free_ char *pem = NULL;
        gnutls_datum_t der;
        size_t size;

        check(mkdtemp(directory) && inet_pton(AF_INET, WHERE, &sa.sin_addr) == 1);
        (void) snprintf(text, sizeof(text), "/usr/bin/python3 tests/certs/make-certs %s app-vm=" WHERE, directory);
        check(system(text) == 0);
        (void) snprintf(text, sizeof(text), "%s/app-vm/cert.pem", directory);
        check(file_read(text, 65536, &pem, &size) == 0);
        check(gnutls_pem_base64_decode2("CERTIFICATE", &(gnutls_datum_t){ (uint8_t *) pem, size }, &der) == 0);
        check(identity_new_certificate(der.data, der.size, (struct sockaddr *) &sa, sizeof(sa), &peer) == 0);
        gnutls_free(der.data);
        (void) snprintf(text, sizeof(text), "rm -r %s", directory);
        check(system(text) == 0);
        return 0;
}

static void put(Registry *r, const char *name, const char *agent, EntryType type, const char *vm) {
        UnitStatus status = {
                .name = (char *) name,
                .load_state = (char *) "loaded",
                .active_state = (char *) "active",
                .sub_state = (char *) "running",
        };
        EntryInfo info = { .name = name, .agent = agent, .type = type, .vm = vm, .status = &status };
        int k = registry_put(r, &info);

        check(k == 0 || k == 1 || k == -ENOSPC);
}

static void check_accepted(const Registration *g, const Registered *v) {
        _cleanup_free_ char *vm = vm_from_unit(g->name), *agent = vm_from_agent(g->name);

        check(streq(v->agent, AGENT) && streq(g->tls_name, "app-vm"));
        check((v->type.service == SERVICE_MGR) == streq(g->name, AGENT));
        check(v->type.vm != VM_ADM && v->type.vm != VM_HOST && !vm && (!agent || streq(g->name, AGENT)));
        check(isempty(v->vm) || streq(v->vm, "app-vm"));
        check(v->address.kind == RPC_ADDRESS_TCP && streq(v->address.host, WHERE));
}

static void say(Registry *r, char *const *words) {
        RegistrationRules rules = { .registry = r, .own_name = "admin-vm", .host = "ghaf-host" };
        Registration g = { words[0], words[1], strtoul(words[2], NULL, 10), words[3], words[4], words[5], words[6] };
        _cleanup_(registered_done) Registered v = {};
        _cleanup_(rpc_status_done) RpcStatus status = {};
        int k = registration_judge(&g, &rules, peer, &v, &status);

        if (k < 0) {
                check(status.code != RPC_OK && !isempty(status.message) && !v.agent);
                return;
        }
        check_accepted(&g, &v);
        put(r, g.name, v.agent, v.type, v.vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = words_split(data, size);
        _cleanup_(registry_freep) Registry *r = NULL;

        check(registry_new(&r) == 0);
        put(r, HOST, HOST, (EntryType){ VM_HOST, SERVICE_MGR }, "");
        put(r, "microvm@app-vm.service", HOST, (EntryType){ VM_APP, SERVICE_VM }, "");
        for (size_t i = 0; i + 7 <= w.n; i += 7)
                say(r, w.words + i);
        check(registry_get(r, HOST, HOST) && registry_get_host(r) == registry_get(r, HOST, HOST));
        check(registry_get(r, HOST, "microvm@app-vm.service"));
        for (const Entry *e = registry_next(r, NULL, NULL); e; e = registry_next(r, NULL, e))
                check(streq(e->agent, AGENT) || streq(e->agent, HOST));
        return 0;
}
