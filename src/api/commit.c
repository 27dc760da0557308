/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit does to this process' readers: the head grows, deep answers
 * in its range are no longer current, streams are fed. */
#include "api/app.h"
#include "api/check.h"
#include "common/clock.h"
#include "common/log.h"

static void apply(struct api *api, struct row *const *rows, size_t n,
                  struct generation gen, struct row_list *fresh)
{
    int64_t now_us = clock_mono_us();

    commits_add(api->commits, rows, n, gen, now_us);
    head_add(api->head, rows, n, now_us, fresh);
    if (fresh->n) {
        feed_add(api->feed, fresh->rows, fresh->n);
        stream_post(api);
    }
}

void api_apply_notice(struct api *api, struct str notice, struct generation gen)
{
    struct row_list rows = {NULL, 0, 0, false}, fresh = {NULL, 0, 0, false};
    int64_t published_us = 0;
    bool incomplete = false;

    if (notice_decode(notice, api->schema, &rows, &published_us, &incomplete)) {
        LOG_W("api: a notice that this version does not understand; asking "
              "the store");
        incomplete = true;
    }
    apply(api, rows.rows, rows.n, gen, &fresh);
    /* ours comes back through the channel; counted where it was new */
    if (published_us && fresh.n)
        metric_observe_us(api->visible, clock_wall_us() - published_us);
    row_list_fini(&rows);
    row_list_fini(&fresh);
    if (incomplete)
        check_on_missed(api->check, gen);
}

void api_on_commit(struct str notice, void *arg)
{
    api_apply_notice(arg, notice, (struct generation){0});
}

/* head_check_end has put them into the head already. */
void api_apply_rows(struct api *api, struct row *const *rows, size_t n)
{
    if (!n)
        return;
    commits_add(api->commits, rows, n, (struct generation){0}, clock_mono_us());
    feed_add(api->feed, rows, n);
    stream_post(api);
}

void api_wake_all(struct api *api)
{
    for (unsigned i = 0; i < api->n_loops; i++) {
        struct api_loop *l = &api->loops[i];
        if (!atomic_exchange(&l->wake_posted, true))
            loop_post(l->loop, &l->wake);
    }
}
