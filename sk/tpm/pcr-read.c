/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/pcr-read.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/* As many as PCs' TPMs have; TPM2_PCR_SELECT_MAX is tpm2-tss's own most. */
#define SELECT_LEN 3
_Static_assert(PCR_COUNT == SELECT_LEN * 8, "a byte selects eight PCRs");

static void
make_selection(uint32_t pcrs, TPML_PCR_SELECTION *ret)
{
	TPMS_PCR_SELECTION *bank = &ret->pcrSelections[0];

	*ret = (TPML_PCR_SELECTION){ .count = 1 };
	bank->hash = TPM2_ALG_SHA256;
	bank->sizeofSelect = SELECT_LEN;
	for (size_t i = 0; i < SELECT_LEN; i++)
		bank->pcrSelect[i] = (uint8_t)(pcrs >> (8 * i));
}

/* None where it names another bank, or more than one. */
static uint32_t
selected(const TPML_PCR_SELECTION *selection)
{
	const TPMS_PCR_SELECTION *bank = &selection->pcrSelections[0];
	uint32_t pcrs = 0;

	if (selection->count != 1 || bank->hash != TPM2_ALG_SHA256 ||
	    bank->sizeofSelect > sizeof(bank->pcrSelect))
		return 0;
	for (size_t i = 0; i < bank->sizeofSelect; i++)
		pcrs |= (uint32_t)bank->pcrSelect[i] << (8 * i);
	return pcrs;
}

/* The digests are in the order of the PCRs, those of `answered`. */
static bool
take_digests(const TPML_DIGEST *digests, uint32_t answered,
    uint8_t ret[PCR_COUNT][PCR_LEN])
{
	const TPM2B_DIGEST *next = digests->digests;

	if (digests->count != (uint32_t)__builtin_popcount(answered))
		return false;
	for (uint32_t i = 0; i < PCR_COUNT; i++) {
		if ((answered & 1u << i) == 0)
			continue;
		if (next->size != PCR_LEN)
			return false;
		memcpy(ret[i], next++->buffer, PCR_LEN);
	}
	return true;
}

static int
fail_missing(uint32_t pcrs)
{
	struct text t = { 0 };

	pcr_add_numbers(&t, pcrs);
	return fail(FAIL_UNSUPPORTED,
	    "this TPM has no %s in a SHA-256 bank; allocate that bank in the "
	    "firmware setup, or with tpm2_pcrallocate",
	    t.s);
}

/* One command, which answers with eight of them at most. */
static int
read_some(struct tpm *tpm, uint32_t pcrs, uint8_t ret[PCR_COUNT][PCR_LEN],
    uint32_t *ret_answered)
{
	TPML_PCR_SELECTION wanted, *got = NULL;
	TPML_DIGEST *digests = NULL;
	uint32_t answered;
	TSS2_RC rc;
	int r = 0;

	make_selection(pcrs, &wanted);
	rc = TPM_RETRY(Esys_PCR_Read(tpm_esys(tpm), tpm_guard(tpm),
	    ESYS_TR_NONE, ESYS_TR_NONE, &wanted, NULL, &got, &digests));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "tell its PCRs");
	answered = selected(got);
	if (answered == 0)
		r = fail_missing(pcrs);
	else if ((answered & ~pcrs) != 0 ||
	    !take_digests(digests, answered, ret))
		r = fail(FAIL_TPM,
		    "the TPM failed to tell its PCRs: it answered with "
		    "something else");
	else
		*ret_answered = answered;
	Esys_Free(got);
	Esys_Free(digests);
	return r;
}

int
pcr_read(struct tpm *tpm, uint32_t pcrs, uint8_t ret[PCR_COUNT][PCR_LEN])
{
	uint32_t answered = 0;
	int r = 0;

	for (; pcrs != 0 && r == 0; pcrs &= ~answered)
		r = read_some(tpm, pcrs, ret, &answered);
	return r;
}

int
pcr_read_for_key(
    struct tpm *tpm, uint32_t pcrs, uint8_t ret[PCR_COUNT][PCR_LEN])
{
	static const uint8_t zeros[PCR_COUNT][PCR_LEN];
	struct text t = { 0 };
	uint32_t unused;
	int r;

	if ((r = pcr_read(tpm, pcrs, ret)) != 0)
		return r;
	unused = pcrs & ~pcr_differing(pcrs, ret, zeros);
	if (unused == 0)
		return 0;
	pcr_add_numbers(&t, unused);
	return fail(FAIL_UNSUPPORTED,
	    "nothing was measured into %s in this boot, so that a key would "
	    "depend on nothing; leave it out",
	    t.s);
}

uint32_t
pcr_differing(uint32_t pcrs, const uint8_t a[PCR_COUNT][PCR_LEN],
    const uint8_t b[PCR_COUNT][PCR_LEN])
{
	uint32_t differing = 0;

	for (uint32_t i = 0; i < PCR_COUNT; i++)
		if ((pcrs & 1u << i) != 0 && memcmp(a[i], b[i], PCR_LEN) != 0)
			differing |= 1u << i;
	return differing;
}
