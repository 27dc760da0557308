/* SPDX-License-Identifier: Apache-2.0 */
/* What the resources of datasets and tables have in common: members that
 * users may set, merge patches, versions, conditions. Pure but for calls. */
#ifndef EMULATOR_BIGQUERY_RESOURCE_H
#define EMULATOR_BIGQUERY_RESOURCE_H

#include "emulator/bigquery/call.h"

enum member_kind {
    MEMBER_TEXT,
    MEMBER_NUMBER, /* sent as number or text, kept as text */
    MEMBER_BOOL,
    MEMBER_LABELS, /* an object of texts */
    MEMBER_OBJECT,
    MEMBER_ARRAY
};

struct resource_member {
    const char *name; /* NULL: the end */
    enum member_kind kind;
};

/* The listed members of `resource` in their stored form, without those that
 * are null; owned. NULL with `f`. */
json_t *resource_body(const json_t *resource,
                      const struct resource_member *members, struct fail *f);
/* PATCH: `body` with what `patch` sets, nested objects merged, null removing
 * (RFC 7396); arrays are replaced. Owned. */
json_t *resource_merge(const json_t *body, const json_t *patch);

void resource_put_time(json_t *r, const char *name, int64_t us); /* ms */
/* A version: a part for what users set, one for all else; `out` holds 40. */
void resource_etag(const char *users, const char *rest, char *out);
/* If-Match against the users' part: false, with the call failed (412). */
bool resource_if_match(struct call *c, const char *etag);
/* If-None-Match fits: the call is answered (304). */
bool resource_not_modified(struct call *c, const char *etag);

/* A page of a listing: `maxResults` and `pageToken` (a position). */
struct page {
    int64_t from, max;
};
RC_MUST_USE int resource_page(struct call *c, int64_t otherwise,
                              struct page *out);
/* "labels.k:v labels.k" against a body's labels. */
bool resource_filter(struct str filter, const json_t *body);

#endif
