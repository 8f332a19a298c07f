/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/policies.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/file.h"

#define FILE_DEFAULT "policy.bin"
#define FILE_MODE    0644

PolicyContent *policy_content_ref(PolicyContent *c) {
        c->n_ref++;
        return c;
}

PolicyContent *policy_content_unref(PolicyContent *c) {
        if (c && --c->n_ref == 0)
                free(c);
        return NULL;
}

static int content_new(const void *data, size_t size, PolicyContent **ret) {
        PolicyContent *c = malloc(sizeof(PolicyContent) + size);

        if (!c)
                return -ENOMEM;
        *c = (PolicyContent){ .n_ref = 1, .size = size };
        if (size > 0)
                memcpy(c->data, data, size);
        *ret = c;
        return 0;
}

static void policy_take_content(Policy *p, PolicyContent *content) {
        static uint64_t last;

        policy_content_unref(p->content);
        p->content = content;
        p->serial = ++last;
}

static char *policy_directory(const Policy *p) {
        return strf("%s/" POLICY_DIRECTORY "/%s", p->policies->directory, p->config->name);
}

/* The files of others, as they are made and renamed, begin with a dot. */
static bool entry_is_file(int fd, const char *name, struct stat *ret) {
        return name[0] != '.' && fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret->st_mode);
}

static bool is_older(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* The newest file, should one have been replaced by one of another name and both be there still. */
static int find_file(const char *directory, char **ret) {
        _cleanup_closedir_ DIR *d = opendir(directory);
        struct timespec newest = {};
        struct dirent *e;
        struct stat st;
        int r;

        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                if (!entry_is_file(dirfd(d), e->d_name, &st) || (*ret && is_older(&st.st_mtim, &newest)))
                        continue;
                newest = st.st_mtim;
                r = str_replace(ret, e->d_name);
                if (r < 0)
                        return r;
        }
        return *ret ? 0 : -ENOENT;
}

static int policy_load(Policy *p) {
        _cleanup_free_ char *directory = policy_directory(p), *file = NULL, *path = NULL, *text = NULL;
        PolicyContent *content;
        size_t size;
        int r;

        if (!directory)
                return -ENOMEM;
        r = find_file(directory, &file);
        if (r < 0)
                return r;
        path = strf("%s/%s", directory, file);
        if (!path)
                return -ENOMEM;
        r = file_read(path, POLICY_SIZE_MAX, &text, &size);
        if (r >= 0)
                r = content_new(text, size, &content);
        if (r < 0)
                return r;
        policy_take_content(p, content);
        p->file = TAKE_PTR(file);
        return 0;
}

int policies_init(Policies *p, const ConfigPolicies *config, const char *store, void (*on_change)(void *userdata),
                void *userdata) {
        int r;

        *p = (Policies){ .config = config, .on_change = on_change, .userdata = userdata };
        if (config->n_policies == 0)
                return 0;
        p->directory = strdup(store);
        p->items = mem_new0(Policy, config->n_policies);
        if (!p->directory || !p->items)
                return -ENOMEM;
        p->n_items = config->n_policies;
        for (size_t i = 0; i < p->n_items; i++) {
                p->items[i].policies = p;
                p->items[i].config = &config->policies[i];
                r = policy_load(&p->items[i]);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && r != -ENOENT)
                        log_warning_errno(r, "Cannot read policy '%s' in '%s'", config->policies[i].name, store);
        }
        return 0;
}

void policies_done(Policies *p) {
        for (size_t i = 0; i < p->n_items; i++) {
                policy_content_unref(p->items[i].content);
                free(p->items[i].file);
        }
        free(p->items);
        free(p->directory);
        *p = (Policies){};
}

static bool file_name_is_fit(const char *name) {
        return !isempty(name) && name[0] != '.' && strlen(name) <= CONFIG_POLICY_NAME_MAX && !strchr(name, '/') &&
                        str_is_printable(name);
}

static int store_wait(const Policy *p, const PolicyContent *content, const char *file) {
        _cleanup_free_ char *directory = policy_directory(p), *path = NULL;
        int r;

        path = directory ? strf("%s/%s", directory, file) : NULL;
        if (!path)
                return -ENOMEM;
        r = file_replace_wait(path, content->data, content->size, FILE_MODE, FILE_IN_DIRECTORY | FILE_ALONE);
        return MIN(r, 0);
}

int policy_set_wait(Policy *p, const void *data, size_t size, const char *file, const char *from) {
        _cleanup_(policy_content_unrefp) PolicyContent *content = NULL;
        _cleanup_free_ char *name = strdup(file_name_is_fit(file) ? file : FILE_DEFAULT);
        int r;

        if (!name)
                return -ENOMEM;
        if (p->content && p->content->size == size && (size == 0 || memcmp(p->content->data, data, size) == 0) &&
                        streq(p->file, name))
                return 0;
        r = content_new(data, size, &content);
        if (r >= 0)
                r = store_wait(p, content, name);
        if (r < 0)
                return r;
        free(p->file);
        p->file = TAKE_PTR(name);
        policy_take_content(p, TAKE_PTR(content));
        log_write(LOG_NOTICE,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_POLICY_CHANGED }, { "GIVC_POLICY", p->config->name },
                                        { "GIVC_REASON", from }),
                        "Policy '%s' is new: %zu bytes from %s", p->config->name, size, from);
        p->policies->on_change(p->policies->userdata);
        return 1;
}

bool policy_is_for(const Policy *p, const char *vm) {
        return strv_contains(p->config->vms, vm);
}
