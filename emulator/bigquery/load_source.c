/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/load_source.h"

#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/files.h"
#include "emulator/bigquery/upload.h"
#include "grpc/gzip.h"

#define DATA_MAX ((size_t)1 << 30) /* of files, or unpacked */

static int unzip(struct load_source *s, struct job *j)
{
    struct grpc_gzip *z;
    int rc;

    if (s->data.len < 2 || memcmp(s->data.p, "\x1f\x8b", 2) != 0)
        return RC_OK;
    z = grpc_gzip_new();
    rc = grpc_gunzip(z, s->data, DATA_MAX, &s->unzipped);
    grpc_gzip_free(z);
    if (rc)
        return fail_set(&j->fail, "invalid",
                        "Error while reading data, error message: the gzip "
                        "file is damaged or larger than %zu bytes",
                        DATA_MAX);
    s->data = buf_as_str(&s->unzipped);
    return RC_OK;
}

static int read_files(struct load_source *s, struct job *j, const json_t *uris)
{
    const json_t *one;
    size_t i;

    json_array_foreach(uris, i, one)
    {
        const char *uri = json_string_value(one);
        int rc = files_read(j->bq->e->state_dir, uri ? uri : "", &s->files,
                            &j->fail);

        if (rc)
            return rc;
    }
    s->data = buf_as_str(&s->files);
    return RC_OK;
}

int load_source_open(struct load_source *s, struct job *j, const json_t *config)
{
    const json_t *uris = json_object_get(config, "sourceUris");
    int rc = RC_OK;

    buf_init(&s->files, DATA_MAX);
    buf_init(&s->unzipped, DATA_MAX);
    buf_init(&s->recoded, DATA_MAX);
    if (j->upload) {
        s->data = upload_body_bytes(j->upload, &j->fail);
        if (!s->data.p)
            return RC_INVALID;
        s->data = str_of(s->data.p + j->data_at, j->data_len);
    } else if (json_array_size(uris)) {
        rc = read_files(s, j, uris);
    } else {
        rc = fail_set(&j->fail, "required",
                      "Required parameter is missing: load.sourceUris");
    }
    return rc ? rc : unzip(s, j);
}

/* Its 256 characters are the first of Unicode. */
int load_source_recode(struct load_source *s, struct job *j)
{
    for (size_t i = 0; i < s->data.len; i++) {
        unsigned char c = (unsigned char)s->data.p[i];

        if (c >= 0x80)
            buf_putc(&s->recoded, (char)(0xc0 | c >> 6));
        buf_putc(&s->recoded, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
    }
    if (s->recoded.failed)
        return fail_set(&j->fail, "invalid",
                        "Error while reading data, error message: the file is "
                        "larger than %zu bytes as UTF-8",
                        DATA_MAX);
    s->data = buf_as_str(&s->recoded);
    return RC_OK;
}

void load_source_close(struct load_source *s)
{
    buf_fini(&s->recoded);
    buf_fini(&s->files);
    buf_fini(&s->unzipped);
}
