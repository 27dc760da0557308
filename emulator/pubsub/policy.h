/* SPDX-License-Identifier: Apache-2.0 */
/* The IAM policies that were set, by the name of their resource. One lives no
 * longer than its resource: whoever deletes that drops it in the same job.
 * Loop-confined. */
#ifndef EMULATOR_PUBSUB_POLICY_H
#define EMULATOR_PUBSUB_POLICY_H

#include "emulator/pubsub/model.h"
#include "google/iam/v1/policy.pb-c.h"

struct policy {
    char *resource; /* full name */
    uint64_t number;
    Google__Iam__V1__Policy *policy;
};

/* NULL: none was set. */
struct policy *policy_find(const struct pubsub *s, struct str resource);
/* Takes `policy`; there is none of that resource yet. */
struct policy *policy_add(struct pubsub *s, const char *resource,
                          uint64_t number, Google__Iam__V1__Policy *policy);
/* The policy's row. */
void keep_policy(struct storage_job *job, const struct policy *p);
/* The row's end, if there is one, to a job that deletes the resource's. */
void policy_drop(struct storage_job *job, const struct pubsub *s,
                 const char *resource);
/* In memory: the resource has gone. */
void policy_remove(struct pubsub *s, const char *resource);
/* Is there a resource of that name? `collection` becomes its kind ("topics");
 * p == NULL: no name of a resource that has a policy. */
bool policy_resource_exists(const struct pubsub *s, const char *resource,
                            struct str *collection);

#endif
