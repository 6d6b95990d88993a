/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <time.h>

#include "attest/ek-cert-words.h"
#include "attest/ek-certificates.h"
#include "attest/ek-chain.h"
#include "attest/guard.h"
#include "base/error.h"
#include "base/log.h"
#include "doctor/check.h"

#define CHECK "endorsement key"

/* Whether its certificate leads to one of EndorsementRoots. */
static int
verify_chain(const char *roots_path, const struct ek_certificates *certs)
{
	struct slice chain[1 + EK_MAX_CHAIN] = { bytes_slice(&certs->own) };
	struct ek_roots *roots = NULL;
	int r;

	for (size_t i = 0; i < certs->n_chain; i++)
		chain[1 + i] = bytes_slice(&certs->chain[i]);
	if ((r = ek_roots_read(roots_path, &roots)) == 0)
		r = ek_chain_verify(
		    roots, chain, 1 + certs->n_chain, (int64_t)time(NULL));
	ek_roots_free(roots);
	return r;
}

static void
report_certified(const struct config *cfg, const struct ek *ek,
    const struct ek_certificates *certs, const char *named, struct report *r)
{
	struct ek_cert_words words = { 0 };

	if (cfg->endorsement_roots == NULL)
		report_add(r, CHECK, FINDING_OK, NULL,
		    "%s at 0x%08x, %s, with a certificate of its maker, which "
		    "is not checked without EndorsementRoots%s%s",
		    ek->kind->name, ek->where, ek->id,
		    certs->n_chain > 0 ? ", and its chain" : "", named);
	else if (verify_chain(cfg->endorsement_roots, certs) != 0 ||
	    ek_cert_words(bytes_slice(&certs->own), &words) != 0)
		report_add(r, CHECK, FINDING_WARNING,
		    "add the roots of the TPM's maker to EndorsementRoots, if "
		    "it is one that you know",
		    "%s at 0x%08x, %s, not certified: %s%s", ek->kind->name,
		    ek->where, ek->id, log_cause(), named);
	else
		report_add(r, CHECK, FINDING_OK, NULL,
		    "%s at 0x%08x, %s, certified by %s%s", ek->kind->name,
		    ek->where, ek->id, words.issuer.s, named);
}

static void
report_one(struct tpm *tpm, const struct config *cfg, const struct ek *ek,
    struct report *r)
{
	struct ek_certificates certs = { 0 };
	const char *named = cfg->endorsement_key != NULL &&
		strcmp(cfg->endorsement_key, ek->id) == 0
	    ? "; EndorsementKey names it"
	    : "";
	int err = ek_certificates_read(tpm, ek, &certs);

	if (err != 0)
		report_add(r, CHECK, FINDING_WRONG,
		    "ask the maker of the TPM; no CA takes this certificate",
		    "%s", log_cause());
	else if (certs.own.len > 0)
		report_certified(cfg, ek, &certs, named, r);
	else
		report_add(r, CHECK, FINDING_OK, NULL,
		    "%s at 0x%08x, %s, without a certificate%s", ek->kind->name,
		    ek->where, ek->id,
		    named[0] != '\0' ? named
				     : "; no setting names it, so nothing "
				       "tells it from another");
	ek_certificates_reset(&certs);
}

/* None is created here, which may take a minute. */
static void
report_choice(struct tpm *tpm, struct report *r)
{
	struct ek_choice choice;

	if (ek_choose(tpm, &choice) != 0)
		report_add(r, CHECK, FINDING_WRONG, NULL, "%s", log_cause());
	else
		report_add(r, CHECK, FINDING_OK, NULL,
		    "not persistent: sk-tpm setup makes it so (%s), and tells "
		    "this machine's id",
		    choice.kind->name);
}

void
check_ek(struct tpm *tpm, const struct config *cfg, struct report *r)
{
	struct ek_hierarchy hierarchy;
	struct eks eks = { 0 };
	int err = guard_begin(tpm, cfg);

	if (err != 0)
		report_add(r, CHECK, FINDING_WRONG, error_remedy(err), "%s",
		    log_cause());
	if (ek_hierarchy(tpm, &hierarchy) != 0 ||
	    (!hierarchy.disabled && ek_list(tpm, &eks) != 0))
		report_add(r, CHECK, FINDING_WRONG, NULL, "%s", log_cause());
	else if (hierarchy.disabled)
		report_add(r, CHECK, FINDING_OK, NULL,
		    "none: the endorsement hierarchy is disabled");
	else if (eks.n == 0)
		report_choice(tpm, r);
	for (size_t i = 0; i < eks.n; i++)
		report_one(tpm, cfg, &eks.eks[i], r);
	eks_close(tpm, &eks);
}
