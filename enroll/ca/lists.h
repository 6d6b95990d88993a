/* SPDX-License-Identifier: ISC */
/*
 * The lists that a CA hands out: its keys, and what it has revoked; as lines of
 * PROTOCOL.md, section 5.
 */
#ifndef SKTPM_CA_LISTS_H
#define SKTPM_CA_LISTS_H

#include "ca/settings.h"
#include "ca/store.h"

/*
 * Each appends to *out. `now` is in seconds since 1970. 0; FAIL_UNAVAILABLE
 * where a key or a list cannot be had; FAIL_STORE, FAIL_MEMORY.
 */
int lists_put_ca_keys(struct bytes *out, struct store *store,
    const struct settings *settings, int64_t now) MUST_CHECK;
int lists_put_krl(struct bytes *out, const struct bytes *krl) MUST_CHECK;

/* Those of `wants` (enum message_want), and the end of the answer. */
int lists_put(struct bytes *out, struct store *store,
    const struct settings *settings, unsigned int wants,
    int64_t now) MUST_CHECK;

#endif
