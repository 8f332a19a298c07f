/* SPDX-License-Identifier: Apache-2.0 */
/* What $POLICY_CONFIG says, checked: which policies there are, who gets them and where they come from. */
#pragma once

#include "base/time.h"

#define CONFIG_POLICIES_MAX     64
#define CONFIG_POLICY_NAME_MAX  128
#define CONFIG_POLL_MIN         5                    /* seconds */
#define CONFIG_POLL_MAX         ((uint64_t) 2678400) /* seconds: 31 days */
#define CONFIG_POLL_DEFAULT     60                   /* of a URL */
#define CONFIG_POLL_GIT_DEFAULT 300

typedef enum PolicySourceType {
        POLICY_SOURCE_NONE,       /* the files that are in the store */
        POLICY_SOURCE_PER_POLICY, /* each by its URL */
        POLICY_SOURCE_GIT_URL,    /* all from a repository */
} PolicySourceType;

typedef struct ConfigPolicy {
        char *name;
        char **vms;
        char *url; /* of the policy's file; NULL: it has none */
        char *updater_url, *updater_head, *interval;
        usec_t interval_usec; /* 0: once */
} ConfigPolicy;

typedef struct ConfigPolicies {
        PolicySourceType source;
        char *url; /* of the repository */
        char *ref; /* "refs/…" */
        char *type, *branch, *interval;
        usec_t interval_usec; /* 0: once */
        ConfigPolicy *policies;
        size_t n_policies;
} ConfigPolicies;

/* 0 with *ret filled; -EINVAL with "policies.x.url: …" in *reterr (new string); -ENOMEM. What is not known is told in
 * *warnings. Zero-initialised is no policies. */
int config_policies_parse(const char *json, ConfigPolicies *ret, char ***warnings, char **reterr) _warn_unused_;
void config_policies_done(ConfigPolicies *c);
