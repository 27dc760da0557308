/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bigquery_sql.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/timefmt.h"

enum {
    NEWER_SCHEMA_MAX = 4096
};

/* --- pieces ----------------------------------------------------------------
 */

static void put_name(struct buf *sql, struct str name)
{
    buf_putc(sql, '`');
    buf_str(sql, name);
    buf_putc(sql, '`');
}

static void put_table(struct buf *sql, const struct bigquery_ask *ask)
{
    buf_printf(sql, " FROM `%s`.`%s`.`%s`", ask->project, ask->dataset,
               ask->table);
}

static struct str time_column(const struct schema *s)
{
    return s->fields[s->timestamp].name;
}

static struct str id_column(const struct schema *s)
{
    return s->fields[s->id].name;
}

static void put_param_head(struct buf *out, const char *name, const char *type)
{
    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    buf_printf(out,
               "{\"name\":\"%s\",\"parameterType\":{\"type\":\"%s\"},"
               "\"parameterValue\":{\"value\":",
               name, type);
}

static void put_text_param(struct buf *out, const char *name, struct str value)
{
    put_param_head(out, name, "STRING");
    buf_json_str(out, value);
    buf_puts(out, "}}");
}

static void put_time_param(struct buf *out, const char *name, int64_t us)
{
    char text[TIMEFMT_MAX];

    put_param_head(out, name, "TIMESTAMP");
    buf_json_str(out, str_of(text, timefmt_format(text, us)));
    buf_puts(out, "}}");
}

static void begin_params(struct buf *out)
{
    buf_puts(out, ",\"parameterMode\":\"NAMED\",\"queryParameters\":[");
}

static void put_rest(struct buf *out, const struct bigquery_ask *ask)
{
    buf_printf(out,
               "],\"useLegacySql\":false,"
               "\"jobCreationMode\":\"JOB_CREATION_OPTIONAL\","
               "\"formatOptions\":{\"useInt64Timestamp\":true},"
               "\"timeoutMs\":%" PRId64 ",\"requestId\":\"%s\"",
               ask->timeout_ms, ask->request_id);
    if (ask->max_bytes_billed)
        buf_printf(out, ",\"maximumBytesBilled\":\"%" PRId64 "\"",
                   ask->max_bytes_billed);
    buf_putc(out, '}');
}

/* The statement is written into its JSON string directly: names of columns and
 * tables hold nothing that would need an escape. */
static void begin_statement(struct buf *out)
{
    buf_puts(out, "{\"query\":\"SELECT ");
}

/* --- statements ------------------------------------------------------------
 */

void bigquery_put_span(struct buf *out, const struct bigquery_ask *ask,
                       const struct schema *schema,
                       const struct bigquery_span *span)
{
    struct str time = time_column(schema), id = id_column(schema);

    begin_statement(out);
    for (size_t i = 0; i < schema->n_fields; i++) {
        buf_puts(out, i ? ", " : "");
        put_name(out, schema->fields[i].name);
    }
    put_table(out, ask);
    buf_puts(out, " WHERE ");
    put_name(out, time);
    buf_puts(out, " >= @oldest AND ");
    put_name(out, time);
    buf_puts(out, " <= @newest");
    if (span->has_after) {
        buf_puts(out, " AND (");
        put_name(out, time);
        buf_puts(out, " < @newest OR ");
        put_name(out, id);
        buf_puts(out, " > @after)");
    }
    if (span->id.p) {
        buf_puts(out, " AND ");
        put_name(out, id);
        buf_puts(out, " = @id");
    }
    buf_puts(out, " ORDER BY ");
    put_name(out, time);
    buf_puts(out, " DESC, ");
    put_name(out, id);
    buf_printf(out, " LIMIT %zu\"", span->limit);
    begin_params(out);
    put_time_param(out, "oldest", span->oldest_us);
    put_time_param(out, "newest", span->newest_us);
    if (span->has_after)
        put_text_param(out, "after", span->after_id);
    if (span->id.p)
        put_text_param(out, "id", span->id);
    put_rest(out, ask);
}

static void put_ids_param(struct buf *out, const struct str *ids, size_t n)
{
    buf_puts(out, ",{\"name\":\"ids\",\"parameterType\":{\"type\":\"ARRAY\","
                  "\"arrayType\":{\"type\":\"STRING\"}},\"parameterValue\":{"
                  "\"arrayValues\":[");
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? ",{\"value\":" : "{\"value\":");
        buf_json_str(out, ids[i]);
        buf_putc(out, '}');
    }
    buf_puts(out, "]}}");
}

void bigquery_put_newer(struct buf *out, const struct bigquery_ask *ask,
                        const struct schema *schema, int64_t position_us,
                        struct str position_id, int64_t newest_us,
                        const struct str *ids, size_t n_ids)
{
    struct str time = time_column(schema), id = id_column(schema);

    begin_statement(out);
    put_name(out, id);
    buf_puts(out, ", MAX(");
    put_name(out, time);
    buf_puts(out, ") AS ");
    put_name(out, time);
    put_table(out, ask);
    buf_puts(out, " WHERE ");
    put_name(out, time);
    buf_puts(out, " >= @oldest AND ");
    put_name(out, time);
    buf_puts(out, " <= @newest AND (");
    put_name(out, time);
    buf_puts(out, " > @oldest OR ");
    put_name(out, id);
    buf_puts(out, " <= @after) AND ");
    put_name(out, id);
    buf_puts(out, " IN UNNEST(@ids) GROUP BY ");
    put_name(out, id);
    buf_putc(out, '"');
    begin_params(out);
    put_time_param(out, "oldest", position_us);
    put_time_param(out, "newest", newest_us);
    put_text_param(out, "after", position_id);
    put_ids_param(out, ids, n_ids);
    put_rest(out, ask);
}

struct schema *bigquery_newer_schema(const struct schema *schema)
{
    struct schema *newer = NULL;
    struct buf text;

    buf_init(&text, NEWER_SCHEMA_MAX);
    buf_puts(&text, "[{\"name\":");
    buf_json_str(&text, id_column(schema));
    buf_puts(&text, ",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},{\"name\":");
    buf_json_str(&text, time_column(schema));
    buf_puts(&text, ",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]");
    if (schema_parse(buf_as_str(&text), "newer", true, &newer, NULL) != RC_OK)
        abort(); /* our own text */
    buf_fini(&text);
    return newer;
}
