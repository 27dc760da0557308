/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in memory and their rows. */
#include "emulator/pubsub/policy.h"

#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "google/iam/v1/iam_policy.pb-c.h"

struct policy *policy_find(const struct pubsub *s, struct str resource)
{
    return names_find(&s->policies, resource);
}

struct policy *policy_add(struct pubsub *s, const char *resource,
                          uint64_t number, Google__Iam__V1__Policy *policy)
{
    struct policy *p = MEM_NEW(struct policy);

    *p = (struct policy){mem_strdup(resource), number, policy};
    names_add(&s->policies, p->resource, p);
    return p;
}

/* The body of the row is what would set it again. */
void keep_policy(struct storage_job *job, const struct policy *p)
{
    Google__Iam__V1__SetIamPolicyRequest r =
        GOOGLE__IAM__V1__SET_IAM_POLICY_REQUEST__INIT;
    struct storage_step *step = storage_step(job, STORAGE_PUT_RESOURCE);
    size_t len;

    r.resource = p->resource;
    r.policy = p->policy;
    len = google__iam__v1__set_iam_policy_request__get_packed_size(&r);
    step->owned = mem_alloc(len + 1);
    google__iam__v1__set_iam_policy_request__pack(&r, (uint8_t *)step->owned);
    step->resource = (struct kept_resource){.kind = KEPT_POLICY,
                                            .number = p->number,
                                            .body = str_of(step->owned, len)};
}

void policy_drop(struct storage_job *job, const struct pubsub *s,
                 const char *resource)
{
    const struct policy *p = policy_find(s, str_from(resource));

    if (p)
        storage_step(job, STORAGE_DROP_RESOURCE)->number = p->number;
}

void policy_remove(struct pubsub *s, const char *resource)
{
    struct policy *p = policy_find(s, str_from(resource));

    if (!p)
        return;
    names_remove(&s->policies, p->resource);
    pb_free(p->policy);
    mem_free(p->resource);
    mem_free(p);
}

bool policy_resource_exists(const struct pubsub *s, const char *resource,
                            struct str *collection)
{
    static const char *const kinds[] = {"topics", "subscriptions", "snapshots",
                                        "schemas"};
    const struct names *tables[] = {&s->topics, &s->subs, &s->snapshots,
                                    &s->schemas};

    *collection = STR_NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (name_is_valid(resource, kinds[i])) {
            *collection = str_from(kinds[i]);
            return names_find(tables[i], str_from(resource)) != NULL;
        }
    return false;
}
