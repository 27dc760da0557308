/* SPDX-License-Identifier: Apache-2.0 */
/* IAM policies by themselves: which are refused, the one form that equal ones
 * have, what a reader of an older version sees, which permissions there are
 * (cloud.google.com/iam/docs: allow policies, conditions, principals).
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_POLICY_CHECK_H
#define EMULATOR_PUBSUB_POLICY_CHECK_H

#include <stdbool.h>

#include "common/rc.h"
#include "common/str.h"
#include "google/iam/v1/policy.pb-c.h"
#include "grpc/grpc.h"

/* In a role's name: a condition was left out. */
#define POLICY_WITH_CONDITION "_withcond_"

enum {
    POLICY_CONDITIONS = 3 /* the version that knows conditions */
};

/* OK, or INVALID_ARGUMENT and `err`. */
enum grpc_status policy_check(const Google__Iam__V1__Policy *policy,
                              struct err *err);
/* The same grants with one binding a role and condition, members once each,
 * all sorted, without empty bindings; the version is the least that can say it.
 * Deep copy, owned (pb_free). */
Google__Iam__V1__Policy *policy_normal(const Google__Iam__V1__Policy *policy);
bool policy_has_conditions(const Google__Iam__V1__Policy *policy);
/* For readers of version 1: conditions are left out and marked in the role's
 * name, "roles/x_withcond_HASH". In place. */
void policy_hide_conditions(Google__Iam__V1__Policy *policy);

/* Is it one that a resource of the collection ("topics") knows? */
bool policy_permission_is_valid(struct str permission, struct str collection);

#endif
