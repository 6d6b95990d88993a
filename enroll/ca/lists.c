/* SPDX-License-Identifier: ISC */
#include "attest/message.h"
#include "ca/issue.h"
#include "ca/krl.h"
#include "ca/lists.h"

/* Keys of a CA, each once; the rest of very many is left out. */
struct handing_out {
	enum certificate_type type;
	struct bytes *out;
	size_t n;
	struct message_ca_key keys[MESSAGE_CA_KEYS_MAX / 2];
};

static int
hand_out(struct slice blob, void *arg)
{
	struct handing_out *h = arg;
	struct message_ca_key *key = &h->keys[h->n];
	int r;

	for (size_t i = 0; i < h->n; i++)
		if (slice_equal(bytes_slice(&h->keys[i].blob), blob))
			return 0;
	if (h->n == MESSAGE_CA_KEYS_MAX / 2)
		return 0;
	key->certificate_type = h->type;
	if ((r = bytes_set(&key->blob, blob.data, blob.len)) != 0)
		return r;
	h->n++;
	return message_put_ca_key(h->out, key);
}

/* The one that signs, the next one, and those before while they count. */
static int
put_ca_keys_of(struct store *store, const struct settings *settings,
    int64_t now, struct handing_out *h)
{
	struct bytes current = { 0 }, next = { 0 };
	int r;

	if ((r = ca_public_key(settings, h->type, &current)) != 0 ||
	    (r = hand_out(bytes_slice(&current), h)) != 0)
		goto out;
	if ((r = ca_next_key(settings, h->type, &next)) != 0 ||
	    (next.len > 0 && (r = hand_out(bytes_slice(&next), h)) != 0))
		goto out;
	r = store_ca_keys_each(store, h->type, now, hand_out, h);
out:
	bytes_reset(&current);
	bytes_reset(&next);
	return r;
}

int
lists_put_ca_keys(struct bytes *out, struct store *store,
    const struct settings *settings, int64_t now)
{
	static const enum certificate_type types[] = { CERTIFICATE_USER,
		CERTIFICATE_HOST };
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		struct handing_out h = { .type = types[i], .out = out };

		if (settings_ca_key(settings, types[i]) == NULL)
			continue;
		r = put_ca_keys_of(store, settings, now, &h);
		for (size_t k = 0; k < h.n; k++)
			bytes_reset(&h.keys[k].blob);
	}
	return r;
}

int
lists_put_krl(struct bytes *out, const struct bytes *krl)
{
	struct slice rest = bytes_slice(krl);
	int r;

	while (rest.len > 0)
		if ((r = message_put_krl_part(out, &rest)) != 0)
			return r;
	return 0;
}

/* The list of what is revoked may have to be made anew, and be written down. */
static int
make_krl(struct store *store, const struct settings *settings, int64_t now,
    struct bytes *ret)
{
	int r;

	if ((r = store_begin(store)) != 0)
		return r;
	if ((r = krl_current(store, settings, now, ret)) != 0)
		store_rollback(store);
	else
		r = store_commit(store);
	return r;
}

int
lists_put(struct bytes *out, struct store *store,
    const struct settings *settings, unsigned int wants, int64_t now)
{
	struct bytes krl = { 0 };
	int r = 0;

	if ((wants & MESSAGE_WANT_CA_KEYS) != 0)
		r = lists_put_ca_keys(out, store, settings, now);
	if (r == 0 && (wants & MESSAGE_WANT_KRL) != 0 &&
	    (r = make_krl(store, settings, now, &krl)) == 0)
		r = lists_put_krl(out, &krl);
	bytes_reset(&krl);
	return r != 0 ? r : message_put_end(out);
}
