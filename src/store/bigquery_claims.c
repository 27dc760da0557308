/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger that all processes of a system share, in Redis: id -> pending or
 * stored, and the content's hash, for seven days. One script a call, so that
 * a call's ids are claimed together or not at all: two calls that want each
 * other's ids do not wait for each other.
 *
 * A value is one letter (p or s), eight bytes of hash, and the second of the
 * claim. A claim that is still pending after SETTLED_S is nobody's: its writer
 * has died or does not know; the table knows. */
#include <inttypes.h>
#include <stdio.h>

#include "cache/redis_url.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/digest.h"
#include "store/bigquery_priv.h"

#define KEEP_S    "604800"
#define SETTLED_S "25"

enum {
    RECORD = LEDGER_KEY_BYTES + 8, /* in `packed`: key and hash */
    FIRST_CONNECT_US = 1000000,
    COMMAND_US = 200000,
    MARK_US = 50000
};

/* A letter a row: n claimed, d a repeat, c another content is stored, w
 * another content is being written, o was and nobody knows. */
static const char script_claim[] =
    "local out,now,hold,clash={},tonumber(redis.call('TIME')[1]),false,false "
    "for i=0,#ARGV[1]/24-1 do "
    "local v=redis.call('GET',KEYS[1]..string.sub(ARGV[1],i*24+1,i*24+16)) "
    "local r='n' if v then "
    "local same=string.sub(v,2,9)==string.sub(ARGV[1],i*24+17,i*24+24) "
    "if string.sub(v,1,1)=='s' then r=same and 'd' or 'c' "
    "elseif not same then "
    "r=now-tonumber(string.sub(v,10))<tonumber(ARGV[3]) and 'w' or 'o' "
    "end end "
    "hold=hold or r=='w' or r=='o' clash=clash or r=='c' out[i+1]=r end "
    "if not hold and not(clash and ARGV[4]=='1') then "
    "for i=0,#out-1 do if out[i+1]=='n' then "
    "redis.call('SET',KEYS[1]..string.sub(ARGV[1],i*24+1,i*24+16),"
    "'p'..string.sub(ARGV[1],i*24+17,i*24+24)..now,'EX',ARGV[2]) end end end "
    "return table.concat(out)";

static const char script_stored[] =
    "for i=0,#ARGV[1]/24-1 do "
    "redis.call('SET',KEYS[1]..string.sub(ARGV[1],i*24+1,i*24+16),"
    "'s'..string.sub(ARGV[1],i*24+17,i*24+24),'EX',ARGV[2]) end return 1";

static const char script_free[] =
    "for i=0,#ARGV[1]/24-1 do "
    "local k=KEYS[1]..string.sub(ARGV[1],i*24+1,i*24+16) "
    "local v=redis.call('GET',k) "
    "if v and string.sub(v,1,1)=='p' and (ARGV[2]=='any' or "
    "string.sub(v,2,9)==string.sub(ARGV[1],i*24+17,i*24+24)) then "
    "redis.call('DEL',k) end end return 1";

/* Keys of this table as it is now: one that was dropped and made again knows
 * nothing of the ids of the old one. */
static void put_prefix(const struct bigquery *b, char *out, size_t size)
{
    snprintf(out, size, "datos:{%.100s}:ids:%016" PRIx64 ":", b->system,
             b->watch.identity);
}

void bigquery_claims_pack(struct buf *packed, const unsigned char *key,
                          uint64_t hash)
{
    buf_append(packed, key, LEDGER_KEY_BYTES);
    buf_append(packed, &hash, sizeof(hash));
}

void bigquery_claims_ask(struct bigquery_put *put,
                         void (*done)(struct redis_command *command))
{
    char prefix[192];
    struct str words[8] = {
        STR("EVAL"),
        str_from(script_claim),
        STR("1"),
        STR_NULL,
        buf_as_str(&put->packed),
        STR(KEEP_S),
        STR(SETTLED_S),
        put->op->atomic ? STR("1") : STR("0"),
    };

    put_prefix(put->b, prefix, sizeof(prefix));
    words[3] = str_from(prefix);
    put->command =
        (struct redis_command){.done = done, .timeout_us = COMMAND_US};
    redis_send(put->b->redis, &put->command, words, 8);
}

/* A mark on its way. Its loss is harmless: a claim stays pending, and the same
 * record is written again with the same insertId. */
struct mark {
    struct redis_command command;
    struct store_insert *op;
    struct bigquery *b;
};

static void on_marked(struct redis_command *command)
{
    struct mark *m = LOOP_OWNER(command, struct mark, command);
    struct bigquery *b = m->b;

    if (command->rc == RC_OK && command->reply.type == REDIS_ERROR)
        LOG_W("the ledger in Redis takes no marks: %.*s",
              STR_ARG(command->reply.text));
    if (m->op)
        store_answer_inserts(m->op);
    mem_free(m);
    b->n_marks--;
    bigquery_check_idle(b);
}

void bigquery_claims_mark(struct bigquery *b, enum bigquery_mark mark,
                          struct str packed, struct store_insert *op)
{
    struct mark *m;
    char prefix[192];
    struct str words[6] = {
        STR("EVAL"),
        str_from(mark == MARK_STORED ? script_stored : script_free),
        STR("1"),
        STR_NULL,
        packed,
        mark == MARK_STORED     ? STR(KEEP_S)
        : mark == MARK_FREE_ANY ? STR("any")
                                : STR("own"),
    };

    if (!b->redis || packed.len == 0) {
        if (op)
            store_answer_inserts(op);
        return;
    }
    put_prefix(b, prefix, sizeof(prefix));
    words[3] = str_from(prefix);
    m = MEM_NEW(struct mark);
    m->b = b;
    m->op = op;
    b->n_marks++;
    m->command.done = on_marked;
    m->command.timeout_us = op ? MARK_US : COMMAND_US;
    redis_send(b->redis, &m->command, words, 6);
}

/* --- life ------------------------------------------------------------------
 */

static void on_state(bool up, void *arg)
{
    struct bigquery *b = arg;

    b->redis_was_up = b->redis_was_up || up;
}

/* After a start the first messages are those that the last process had not
 * acknowledged: just then the ledger matters. */
bool bigquery_claims_settled(const struct bigquery *b)
{
    return !b->redis || b->redis_was_up ||
           loop_now_us(b->loop) - b->opened_us > FIRST_CONNECT_US;
}

void bigquery_claims_open(struct bigquery *b)
{
    struct redis_config config = {
        .url = b->redis_url,
        .ca_file = b->redis_ca_file,
        .what = "ledger",
        .command_us = COMMAND_US,
        .on_state = on_state,
        .arg = b,
    };

    if (b->redis_url)
        b->redis = redis_new(b->loop, &config);
}

void bigquery_claims_close(struct bigquery *b)
{
    if (b->redis)
        redis_free(b->redis);
    b->redis = NULL;
    if (b->redis_url)
        redis_url_fini(b->redis_url);
    mem_free(b->redis_url);
}
