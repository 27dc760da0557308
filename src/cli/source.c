/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/rand.h"
#include "common/timefmt.h"

int64_t source_total(const struct source *s)
{
    return s->id ? 1 : s->count >= 0 ? s->count : -1;
}

static void render(struct buf *out, const char *id, const char *contenido,
                   const char *timestamp)
{
    buf_puts(out, "{\"id\":");
    buf_json_str(out, str_from(id));
    if (contenido) {
        buf_puts(out, ",\"contenido\":");
        buf_json_str(out, str_from(contenido));
    }
    buf_puts(out, ",\"timestamp\":");
    buf_json_str(out, str_from(timestamp));
    buf_putc(out, '}');
}

static void generate(struct source *s, const char *now, struct buf *out)
{
    char id[64], contenido[64];

    if (!s->prefix[0]) {
        uint64_t random;

        rand_bytes(&random, sizeof(random));
        snprintf(s->prefix, sizeof(s->prefix), "gen-%012" PRIx64,
                 random & UINT64_C(0xffffffffffff));
    }
    snprintf(id, sizeof(id), "%s-%08" PRId64, s->prefix, s->n);
    snprintf(contenido, sizeof(contenido), "Mensaje %" PRId64, s->n);
    render(out, id, contenido, now);
}

/* Lines go out as they are, whatever they hold: to see a refusal is a use. */
static int read_line(struct source *s, struct buf *out, struct err *err)
{
    int c;

    do {
        buf_reset(out);
        errno = 0;
        while ((c = getc_unlocked(s->lines)) != EOF && c != '\n')
            buf_putc(out, (char)c);
        if (c == EOF && ferror(s->lines))
            return err_set(err, RC_IO, "cannot read standard input: %s",
                           strerror(errno));
        s->n++;
        while (out->len > 0 && strchr("\r \t", out->data[out->len - 1]))
            out->len--;
    } while (out->len == 0 && !out->failed && c != EOF);
    if (out->failed)
        return err_set(err, RC_TOO_LARGE,
                       "line %" PRId64 " is larger than the 10 MB that "
                       "Pub/Sub takes",
                       s->n);
    return out->len == 0 ? RC_NOT_FOUND : RC_OK;
}

int source_next(struct source *s, int64_t now_us, struct buf *out,
                struct err *err)
{
    char now[TIMEFMT_MAX];

    buf_reset(out);
    if (s->lines)
        return read_line(s, out, err);
    if (s->n >= source_total(s))
        return RC_NOT_FOUND;
    now[timefmt_format_z(now, now_us)] = '\0';
    if (s->id)
        render(out, s->id, s->contenido, s->timestamp ? s->timestamp : now);
    else
        generate(s, now, out);
    s->n++;
    if (out->failed)
        return err_set(err, RC_TOO_LARGE,
                       "the message is larger than the 10 MB that Pub/Sub "
                       "takes");
    return RC_OK;
}
