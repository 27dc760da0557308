/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprint64 of FarmHash (its "na" variant), which FARM_FINGERPRINT is
 * defined to be. */
#include "emulator/bigquery/sql/digest_farm.h"

static const uint64_t k0 = 0xc3a5c85c97cb3127ULL;
static const uint64_t k1 = 0xb492b66fbe98f273ULL;
static const uint64_t k2 = 0x9ae16a3b2f90404fULL;

static uint64_t fetch64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t fetch32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t rotate(uint64_t v, int n)
{
    return n ? v >> n | v << (64 - n) : v;
}

static uint64_t shift_mix(uint64_t v)
{
    return v ^ v >> 47;
}

static uint64_t mix16(uint64_t u, uint64_t v, uint64_t mul)
{
    uint64_t a = shift_mix((u ^ v) * mul);
    return shift_mix((v ^ a) * mul) * mul;
}

static uint64_t short_16(const char *s, size_t len)
{
    uint64_t mul = k2 + len * 2, a, b, c, d;

    if (len >= 8) {
        a = fetch64(s) + k2;
        b = fetch64(s + len - 8);
        c = rotate(b, 37) * mul + a;
        d = (rotate(a, 25) + b) * mul;
        return mix16(c, d, mul);
    }
    if (len >= 4)
        return mix16(len + (fetch32(s) << 3), fetch32(s + len - 4), mul);
    if (len > 0) {
        uint32_t y =
            (unsigned char)s[0] + ((uint32_t)(unsigned char)s[len >> 1] << 8);
        uint32_t z = (uint32_t)len + ((uint32_t)(unsigned char)s[len - 1] << 2);
        return shift_mix(y * k2 ^ z * k0) * k2;
    }
    return k2;
}

static uint64_t short_32(const char *s, size_t len)
{
    uint64_t mul = k2 + len * 2;
    uint64_t a = fetch64(s) * k1, b = fetch64(s + 8);
    uint64_t c = fetch64(s + len - 8) * mul, d = fetch64(s + len - 16) * k2;

    return mix16(rotate(a + b, 43) + rotate(c, 30) + d,
                 a + rotate(b + k2, 18) + c, mul);
}

static uint64_t short_64(const char *s, size_t len)
{
    uint64_t mul = k2 + len * 2;
    uint64_t a = fetch64(s) * k2, b = fetch64(s + 8);
    uint64_t c = fetch64(s + len - 8) * mul, d = fetch64(s + len - 16) * k2;
    uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d;
    uint64_t z = mix16(y, a + rotate(b + k2, 18) + c, mul);
    uint64_t e = fetch64(s + 16) * mul, f = fetch64(s + 24);
    uint64_t g = (y + fetch64(s + len - 32)) * mul;
    uint64_t h = (z + fetch64(s + len - 24)) * mul;

    return mix16(rotate(e + f, 43) + rotate(g, 30) + h,
                 e + rotate(f + a, 18) + g, mul);
}

struct pair {
    uint64_t a, b;
};

static struct pair weak(const char *s, uint64_t a, uint64_t b)
{
    uint64_t w = fetch64(s), x = fetch64(s + 8), y = fetch64(s + 16),
             z = fetch64(s + 24), c;

    a += w;
    b = rotate(b + a + z, 21);
    c = a;
    a += x + y;
    b += rotate(a, 44);
    return (struct pair){a + z, b + c};
}

static void turn(const char *s, uint64_t *x, uint64_t *y, uint64_t *z,
                 struct pair *v, struct pair *w, uint64_t mul, bool last)
{
    uint64_t swap;

    *x = rotate(*x + *y + v->a + fetch64(s + 8), 37) * mul;
    *y = rotate(*y + v->b + fetch64(s + 48), 42) * mul;
    *x ^= last ? w->b * 9 : w->b;
    *y += (last ? v->a * 9 : v->a) + fetch64(s + 40);
    *z = rotate(*z + w->a, 33) * mul;
    *v = weak(s, v->b * mul, *x + w->a);
    *w = weak(s + 32, *z + w->b, *y + fetch64(s + 16));
    swap = *z;
    *z = *x;
    *x = swap;
}

uint64_t digest_farm(struct str str)
{
    const char *s = str.p, *end, *last64;
    size_t len = str.len;
    uint64_t x = 81, y, z, mul;
    struct pair v = {0, 0}, w = {0, 0};

    if (len <= 16)
        return short_16(s, len);
    if (len <= 32)
        return short_32(s, len);
    if (len <= 64)
        return short_64(s, len);
    y = x * k1 + 113;
    z = shift_mix(y * k2 + 113) * k2;
    x = x * k2 + fetch64(s);
    end = s + (len - 1) / 64 * 64;
    last64 = end + ((len - 1) & 63) - 63;
    do {
        turn(s, &x, &y, &z, &v, &w, k1, false);
        s += 64;
    } while (s != end);
    mul = k1 + ((z & 0xff) << 1);
    w.a += (len - 1) & 63;
    v.a += w.a;
    w.a += v.a;
    turn(last64, &x, &y, &z, &v, &w, mul, true);
    return mix16(mix16(v.a, w.a, mul) + shift_mix(y) * k0 + z,
                 mix16(v.b, w.b, mul) + x, mul);
}
