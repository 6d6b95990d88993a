/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "tpm/policy.h"

/* Command codes, big-endian; part 2, 6.5.2. */
static const uint8_t code_secret[] = { 0x00, 0x00, 0x01, 0x51 };
static const uint8_t code_auth_value[] = { 0x00, 0x00, 0x01, 0x6b };
static const uint8_t code_or[] = { 0x00, 0x00, 0x01, 0x71 };
static const uint8_t code_pcr[] = { 0x00, 0x00, 0x01, 0x7f };

/* SHA-256 of three byte strings, one after the other. */
static int
hash_of(struct slice a, struct slice b, struct slice c, uint8_t ret[POLICY_LEN])
{
	const struct slice parts[] = { a, b, c };
	struct bytes in = { 0 };
	int r = 0;

	for (size_t i = 0; i < 3 && r == 0; i++)
		r = bytes_append(&in, parts[i].data, parts[i].len);
	if (r == 0)
		r = sha256(bytes_slice(&in), ret);
	bytes_reset(&in);
	return r;
}

static int
extend(uint8_t policy[POLICY_LEN], const uint8_t code[4], struct slice with)
{
	return hash_of((struct slice){ policy, POLICY_LEN },
	    (struct slice){ code, 4 }, with, policy);
}

void
policy_pcr_select(uint32_t pcrs, uint8_t ret[POLICY_PCR_SELECT_LEN])
{
	for (size_t i = 0; i < POLICY_PCR_SELECT_LEN; i++)
		ret[i] = (uint8_t)(pcrs >> (8 * i));
}

int
policy_pcr(
    uint8_t policy[POLICY_LEN], uint32_t pcrs, const uint8_t values[SHA256_LEN])
{
	/* TPML_PCR_SELECTION: one bank, TPM_ALG_SHA256, size of pcrSelect. */
	uint8_t with[7 + POLICY_PCR_SELECT_LEN + SHA256_LEN] = { 0x00, 0x00,
		0x00, 0x01, 0x00, 0x0b, POLICY_PCR_SELECT_LEN };

	policy_pcr_select(pcrs, with + 7);
	memcpy(with + 7 + POLICY_PCR_SELECT_LEN, values, SHA256_LEN);
	return extend(policy, code_pcr, (struct slice){ with, sizeof(with) });
}

int
policy_auth_value(uint8_t policy[POLICY_LEN])
{
	return extend(policy, code_auth_value, (struct slice){ NULL, 0 });
}

int
policy_secret(uint8_t policy[POLICY_LEN], struct slice name, struct slice ref)
{
	uint8_t named[POLICY_LEN];
	int r;

	memcpy(named, policy, sizeof(named));
	/* PolicyUpdate() hashes twice; part 3, 23.2.3. */
	if ((r = extend(named, code_secret, name)) != 0)
		return r;
	return hash_of((struct slice){ named, sizeof(named) }, ref,
	    (struct slice){ NULL, 0 }, policy);
}

int
policy_or(uint8_t policy[POLICY_LEN], const uint8_t other[POLICY_LEN])
{
	uint8_t both[2 * POLICY_LEN], either[POLICY_LEN] = { 0 };
	int r;

	memcpy(both, other, POLICY_LEN);
	memcpy(both + POLICY_LEN, policy, POLICY_LEN);
	/* What came before is forgotten: it starts from zeros again. */
	r = extend(either, code_or, (struct slice){ both, sizeof(both) });
	if (r == 0)
		memcpy(policy, either, POLICY_LEN);
	return r;
}
