/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher: one thread a reachable instruction, in order of preference. */
#include "emulator/bigquery/sql/re_prog.h"

#include "common/mem.h"
#include "emulator/bigquery/sql/utf8.h"

enum {
    SLOTS = 2 * (RE_GROUPS_MAX + 1)
};

struct list {
    uint32_t n;
    uint32_t *pc;
    long *slots; /* n times n_slots */
};

struct machine {
    const struct re *re;
    struct str text;
    int n_slots;
    uint32_t *mark; /* by instruction: the step that reached it */
    uint32_t step;
    struct list now, next;
    uint32_t *stack_pc;
    long *stack_slot; /* undo: slot number or -1, old value */
};

void re_free(struct re *re)
{
    if (!re)
        return;
    mem_free(re->code);
    mem_free(re->ranges);
    mem_free(re);
}

int re_groups(const struct re *re)
{
    return re->n_groups;
}

static bool is_word(struct str s, size_t at)
{
    unsigned char c = at < s.len ? (unsigned char)s.p[at] : 0;

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

static bool holds(const struct machine *m, enum re_op op, size_t at)
{
    bool before = at > 0 && is_word(m->text, at - 1);

    switch (op) {
    case RE_BEGIN:
        return at == 0;
    case RE_END:
        return at == m->text.len;
    case RE_LINE_BEGIN:
        return at == 0 || m->text.p[at - 1] == '\n';
    case RE_LINE_END:
        return at == m->text.len || m->text.p[at] == '\n';
    case RE_WORD:
        return before != is_word(m->text, at);
    default:
        return before == is_word(m->text, at);
    }
}

/* Follows everything that takes no character from `pc`, most preferred
 * first. Explicit stack: patterns may be deep. Slot changes are undone when
 * the walk returns behind them. */
static void add(struct machine *m, struct list *l, uint32_t pc, size_t at,
                long *slots)
{
    size_t top = 0;

    m->stack_pc[top] = pc;
    m->stack_slot[2 * top++] = -1;
    while (top) {
        const struct re_inst *c;
        long undo = m->stack_slot[2 * --top];
        pc = m->stack_pc[top];
        if (undo >= 0) {
            slots[undo] = m->stack_slot[2 * top + 1];
            continue;
        }
        if (m->mark[pc] == m->step)
            continue;
        m->mark[pc] = m->step;
        c = &m->re->code[pc];
        switch (c->op) {
        case RE_JUMP:
            m->stack_pc[top] = c->x;
            m->stack_slot[2 * top++] = -1;
            break;
        case RE_SPLIT:
            m->stack_pc[top] = c->y;
            m->stack_slot[2 * top++] = -1;
            m->stack_pc[top] = c->x;
            m->stack_slot[2 * top++] = -1;
            break;
        case RE_SAVE:
            if ((int)c->x < m->n_slots) {
                m->stack_slot[2 * top] = (long)c->x;
                m->stack_slot[2 * top++ + 1] = slots[c->x];
                slots[c->x] = (long)at;
            }
            m->stack_pc[top] = pc + 1;
            m->stack_slot[2 * top++] = -1;
            break;
        case RE_BEGIN:
        case RE_END:
        case RE_LINE_BEGIN:
        case RE_LINE_END:
        case RE_WORD:
        case RE_NOT_WORD:
            if (holds(m, c->op, at)) {
                m->stack_pc[top] = pc + 1;
                m->stack_slot[2 * top++] = -1;
            }
            break;
        default:
            memcpy(l->slots + (size_t)l->n * (size_t)m->n_slots, slots,
                   (size_t)m->n_slots * sizeof(*slots));
            l->pc[l->n++] = pc;
        }
    }
}

/* The ranges are in order (re_set_finish). */
static bool in_class(const struct re *re, const struct re_inst *c, uint32_t ch)
{
    uint32_t low = c->x, high = c->x + c->y;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (ch > re->ranges[mid].to)
            low = mid + 1;
        else if (ch < re->ranges[mid].from)
            high = mid;
        else
            return true;
    }
    return false;
}

static bool takes(const struct re *re, const struct re_inst *c, uint32_t ch)
{
    switch (c->op) {
    case RE_CHAR:
        return c->x == ch;
    case RE_FOLD:
        return c->x == utf8_lower(ch);
    case RE_ANY:
        return ch != '\n';
    case RE_ALL:
        return true;
    case RE_CLASS:
        return in_class(re, c, ch);
    case RE_NOT_CLASS:
        return !in_class(re, c, ch);
    default:
        return false;
    }
}

static bool run(struct machine *m, size_t from, long *best)
{
    long fresh[SLOTS];
    bool matched = false;
    size_t at = from;

    m->now.n = 0;
    for (;;) {
        struct str rest = str_of(m->text.p + at, m->text.len - at);
        size_t next = m->text.len + 1;
        uint32_t ch = 0;
        m->step++;
        /* A later start is a worse match than any that is under way. */
        for (uint32_t i = 0; i < m->now.n; i++)
            m->mark[m->now.pc[i]] = m->step;
        if (!matched) {
            for (int i = 0; i < m->n_slots; i++)
                fresh[i] = -1;
            add(m, &m->now, 0, at, fresh);
        }
        if (rest.len) {
            ch = utf8_next(&rest);
            next = m->text.len - rest.len;
        }
        m->next.n = 0;
        m->step++;
        for (uint32_t i = 0; i < m->now.n; i++) {
            const struct re_inst *c = &m->re->code[m->now.pc[i]];
            long *slots = m->now.slots + (size_t)i * (size_t)m->n_slots;
            if (c->op == RE_MATCH) {
                memcpy(best, slots, (size_t)m->n_slots * sizeof(*best));
                matched = true;
                break; /* what follows is less preferred */
            }
            if (next <= m->text.len && takes(m->re, c, ch))
                add(m, &m->next, m->now.pc[i] + 1, next, slots);
        }
        if ((matched && m->next.n == 0) || next > m->text.len)
            return matched;
        struct list swap = m->now;
        m->now = m->next;
        m->next = swap;
        at = next;
    }
}

bool re_search(const struct re *re, struct str text, size_t from,
               struct re_match *out)
{
    int groups = !out                           ? 0
                 : re->n_groups < RE_GROUPS_MAX ? re->n_groups
                                                : RE_GROUPS_MAX;
    struct machine m = {.re = re, .text = text, .n_slots = 2 * (groups + 1)};
    size_t n = re->n_code, slots = n * (size_t)m.n_slots;
    long best[SLOTS];
    bool matched;
    char *memory;
    size_t at = 0, total = n * 3 * sizeof(uint32_t) + 16 +
                           (2 * slots + 4 * n + 8) * sizeof(long) +
                           (2 * n + 4) * sizeof(uint32_t);

    memory = mem_alloc(total);
    m.now.slots = (long *)(void *)memory;
    m.next.slots = m.now.slots + slots;
    m.stack_slot = m.next.slots + slots;
    at = (2 * slots + 4 * n + 8) * sizeof(long);
    m.now.pc = (uint32_t *)(void *)(memory + at);
    m.next.pc = m.now.pc + n;
    m.mark = m.next.pc + n;
    m.stack_pc = m.mark + n;
    matched = from <= text.len && run(&m, from, best);
    for (int g = 0; out && matched && g <= RE_GROUPS_MAX; g++) {
        out->start[g] = g <= groups ? best[2 * g] : -1;
        out->end[g] = g <= groups ? best[2 * g + 1] : -1;
    }
    mem_free(memory);
    return matched;
}
