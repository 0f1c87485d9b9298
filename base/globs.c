/* SPDX-License-Identifier: Apache-2.0 */
#include "globs.h"

#include "utf8.h"

/* Takes one bound of a range off *p: a rune, maybe escaped. Returns false if there is none. */
static bool glob_class_bound(struct bytes *p, uint32_t *ret)
{
    if (p->len == 0 || p->at[0] == '-' || p->at[0] == ']')
        return false;
    if (p->at[0] == '\\') {
        *p = bytes_from(*p, 1);
        if (p->len == 0)
            return false;
    }
    size_t len = utf8_decode(*p, ret);
    if (*ret == UTF8_INVALID && len == 1)
        return false;
    *p = bytes_from(*p, len);
    return p->len > 0; /* at least the closing bracket must follow */
}

int glob_class(struct bytes *p, uint32_t rune)
{
    bool negated = p->len && p->at[0] == '^', hit = false;
    if (negated)
        *p = bytes_from(*p, 1);
    for (size_t ranges = 0;; ranges++) {
        if (p->len && p->at[0] == ']' && ranges > 0) {
            *p = bytes_from(*p, 1);
            return hit != negated;
        }
        uint32_t low, high;
        if (!glob_class_bound(p, &low))
            return -1;
        high = low;
        if (p->at[0] == '-') {
            *p = bytes_from(*p, 1);
            if (!glob_class_bound(p, &high))
                return -1;
        }
        hit = hit || (low <= rune && rune <= high);
    }
}

bool glob_valid(struct bytes p)
{
    while (p.len) {
        uint8_t c = p.at[0];
        p = bytes_from(p, 1);
        if (c == '[' && glob_class(&p, 0) < 0)
            return false;
        if (c == '\\') {
            if (p.len == 0)
                return false;
            p = bytes_from(p, 1);
        }
    }
    return true;
}

bool glob_magic(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (strchr("*?[\\", pattern.at[i]) && pattern.at[i])
            return true;
    return false;
}

/* Matches one pattern element other than '*' with the start of *name, and advances both. */
static bool glob_element_match(struct bytes *p, struct bytes *name)
{
    if (name->len == 0)
        return false;
    uint8_t c = p->at[0];
    if (c == '[' || c == '?') {
        uint32_t rune;
        size_t len = utf8_decode(*name, &rune);
        *p = bytes_from(*p, 1);
        /* '?' does not match a slash, but Go's classes do. */
        bool hit = c == '[' ? glob_class(p, rune) == 1 : name->at[0] != '/';
        *name = bytes_from(*name, len);
        return hit;
    }
    if (c == '\\' && p->len > 1)
        *p = bytes_from(*p, 1);
    bool hit = p->at[0] == name->at[0];
    *p = bytes_from(*p, 1);
    *name = bytes_from(*name, 1);
    return hit;
}

bool glob_match(struct bytes p, struct bytes name)
{
    if (!glob_valid(p))
        return false;
    /* The last star, and the first byte that it takes: a mismatch gives it one more. */
    struct bytes star = {NULL, 0}, retry = {NULL, 0};
    for (;;) {
        if (p.len && p.at[0] == '*') {
            p = star = bytes_from(p, 1);
            retry = name;
            continue;
        }
        if (p.len == 0 && name.len == 0)
            return true;
        if (p.len && glob_element_match(&p, &name))
            continue;
        if (!star.at || retry.len == 0 || retry.at[0] == '/')
            return false;
        retry = bytes_from(retry, 1);
        p = star;
        name = retry;
    }
}
