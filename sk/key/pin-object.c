/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "key/load.h"
#include "key/pin-object.h"
#include "tpm/capability.h"
#include "tpm/session.h"

/* Of the TPM 2.0 Library, in hundredths: the last one without an epoch. */
#define REVISION_WITHOUT_EPOCH 116

int
pin_object_check_tpm(struct tpm *tpm)
{
	uint32_t revision;
	bool has_tickets;
	int r;

	if ((r = tpm_has_command(tpm, TPM2_CC_PolicyTicket, &has_tickets)) !=
		0 ||
	    (r = tpm_property(tpm, TPM2_PT_REVISION, &revision)) != 0)
		return r;
	if (!has_tickets)
		return fail(FAIL_UNSUPPORTED,
		    "this TPM cannot give a PIN a lifetime: it has no "
		    "TPM2_PolicyTicket; make the key without one");
	if (revision <= REVISION_WITHOUT_EPOCH)
		log_info("this TPM is of revision %u.%02u: it goes on counting "
			 "the lifetime of a PIN when the machine restarts, and "
			 "does not end it",
		    revision / 100, revision % 100);
	return 0;
}

int
pin_object_load(struct tpm *tpm, const struct handle *h,
    const struct parent *parent, ESYS_TR *ret_object, ESYS_TR *ret_session)
{
	ESYS_TR session;
	int r;

	if ((r = session_start(tpm, parent->object, &session)) != 0)
		return r;
	r = load_object(tpm, parent, session, &h->pin_object_public,
	    &h->pin_object_private, ret_object);
	if (r != 0)
		session_end(tpm, &session);
	else
		*ret_session = session;
	return r;
}
