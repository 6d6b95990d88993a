/* SPDX-License-Identifier: ISC */
/* Any answer of an ssh-sk-helper; what is read has the lengths promised. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "fallback/helper-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_signature(struct slice answer, enum helper_algorithm algorithm)
{
	struct helper_signature sig = { 0 };

	if (helper_decode_signature(answer, algorithm, &sig) != 0)
		return;
	if (algorithm == HELPER_ED25519 ? sig.r.len != 64 || sig.s.len != 0
					: sig.r.len > 32 || sig.r.len == 0 ||
		    sig.s.len > 32 || sig.s.len == 0)
		abort();
	helper_signature_reset(&sig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice answer = { data, size };
	struct helper_key key = { 0 };

	log_begin_secret();
	check_signature(answer, HELPER_ECDSA);
	check_signature(answer, HELPER_ED25519);
	if (helper_decode_key(answer, &key) == 0 && key.public_key.len != 32)
		abort();
	helper_key_reset(&key);
	return 0;
}
