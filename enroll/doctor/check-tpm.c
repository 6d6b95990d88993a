/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "authenticator/credential.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/check.h"
#include "doctor/weakness.h"
#include "key/parent.h"
#include "key/resident.h"
#include "tpm/capability.h"
#include "tpm/lockout.h"
#include "tpm/owner.h"
#include "tpm/persistent.h"
#include "tpm/primary.h"

/* --- who it is --------------------------------------------------------- */

/* Four characters in a number, as manufacturers have them. */
static void
four_characters(uint32_t n, char ret[5])
{
	for (int i = 0; i < 4; i++) {
		char c = (char)(n >> (24 - 8 * i));

		ret[i] = c > ' ' && c < 0x7f ? c : '\0';
	}
	ret[4] = '\0';
}

static void
check_identity(struct tpm *tpm, struct report *r)
{
	uint32_t maker = 0, v1 = 0, v2 = 0, family = 0;
	char vendor[5], generation[5];
	const char *weakness, *remedy;
	enum finding found;

	if (tpm_property(tpm, TPM2_PT_MANUFACTURER, &maker) != 0 ||
	    tpm_property(tpm, TPM2_PT_FIRMWARE_VERSION_1, &v1) != 0 ||
	    tpm_property(tpm, TPM2_PT_FIRMWARE_VERSION_2, &v2) != 0 ||
	    tpm_property(tpm, TPM2_PT_FAMILY_INDICATOR, &family) != 0) {
		report_add(
		    r, "identity", FINDING_WRONG, NULL, "%s", log_cause());
		return;
	}
	four_characters(maker, vendor);
	four_characters(family, generation);
	report_add(r, "identity", FINDING_OK, NULL,
	    "%s, TPM %s, firmware %u.%u.%u.%u", vendor, generation, v1 >> 16,
	    v1 & 0xffff, v2 >> 16, v2 & 0xffff);
	found =
	    weakness_find(vendor, v1 >> 16, v1 & 0xffff, &weakness, &remedy);
	report_add(r, "known weaknesses", found, remedy, "%s", weakness);
}

/* --- what state it is in ----------------------------------------------- */

static void
check_manager(const struct config *cfg, struct report *r)
{
	if (tpm_tcti_is_managed(cfg->tcti))
		report_add(r, "resource manager", FINDING_OK, NULL, "yes");
	else if (strncmp(cfg->tcti, "device:", 7) == 0)
		report_add(r, "resource manager", FINDING_WARNING,
		    "use /dev/tpmrm0, the kernel's",
		    "none on %s: one program at a time", cfg->tcti);
	else
		report_add(r, "resource manager", FINDING_OK, NULL,
		    "none, as usual for %s", cfg->tcti);
}

static void
check_lockout(struct tpm *tpm, struct report *r)
{
	struct lockout l;

	if (lockout_read(tpm, &l) != 0)
		report_add(
		    r, "lockout", FINDING_WRONG, NULL, "%s", log_cause());
	else if (l.counter >= l.max)
		report_add(r, "lockout", FINDING_WRONG,
		    "wait, or tpm2_dictionarylockout -c",
		    "locked: %u of %u wrong tries, one forgotten every %u s",
		    l.counter, l.max, l.interval);
	else
		report_add(r, "lockout",
		    l.counter > 0 ? FINDING_WARNING : FINDING_OK,
		    "wait: the TPM forgets them by itself",
		    "%u of %u wrong tries, one forgotten every %u s", l.counter,
		    l.max, l.interval);
}

static void
check_parent(struct tpm *tpm, struct report *r)
{
	enum parent_state state = PARENT_ABSENT;
	uint32_t template = 0;

	if (parent_look(tpm, &state) != 0) {
		report_add(r, "storage root key", FINDING_WRONG, NULL, "%s",
		    log_cause());
		return;
	}
	if (state == PARENT_ABSENT) {
		report_add(r, "storage root key", FINDING_WARNING,
		    "sk-tpm setup makes it persistent",
		    "not persistent at 0x%08x: created for every signature",
		    PRIMARY_SRK_HANDLE);
		return;
	}
	if (state == PARENT_OTHER) {
		report_add(r, "storage root key", FINDING_WARNING,
		    "evict that key if nothing needs it, then sk-tpm setup",
		    "another program's key is at 0x%08x: %s",
		    PRIMARY_SRK_HANDLE, log_cause());
		return;
	}
	if (parent_template(tpm, &template) == 0 && template != 0)
		report_add(r, "storage root key", FINDING_OK, NULL,
		    "persistent at 0x%08x, TCG template with %s",
		    PRIMARY_SRK_HANDLE,
		    template == HANDLE_PARENT_SRK ? "empty unique"
						  : "unique of zeros");
	else
		report_add(r, "storage root key", FINDING_OK, NULL,
		    "persistent at 0x%08x, of no template known here: if it "
		    "is evicted, its keys are lost",
		    PRIMARY_SRK_HANDLE);
}

/* Without a password, others who may use the TPM can replace resident keys. */
static void
check_owner(struct tpm *tpm, struct report *r)
{
	struct resident_keys keys = { 0 };
	bool has = false;

	if (owner_has_password(tpm, &has) != 0 ||
	    resident_list(tpm, &keys) != 0)
		report_add(r, "owner", FINDING_WRONG, NULL, "%s", log_cause());
	else if (has)
		report_add(r, "owner", FINDING_OK, NULL,
		    "has a password: resident keys and setup ask for it");
	else if (keys.n == 0)
		report_add(r, "owner", FINDING_OK, NULL, "has no password");
	else
		report_add(r, "owner", FINDING_WARNING,
		    "set one with tpm2_changeauth -c owner",
		    "has no password: whoever may use this TPM can replace or "
		    "remove its resident keys");
	resident_keys_reset(&keys);
}

/* Clearing destroys every key. TPMA_PERMANENT: TPM 2.0, part 2. */
static void
check_clearing(struct tpm *tpm, struct report *r)
{
	uint32_t permanent = 0;

	if (tpm_property(tpm, TPM2_PT_PERMANENT, &permanent) != 0)
		report_add(
		    r, "clearing", FINDING_WRONG, NULL, "%s", log_cause());
	else
		report_add(r, "clearing", FINDING_OK, NULL, "%s",
		    permanent & TPMA_PERMANENT_DISABLECLEAR
			? "disabled, but for the firmware"
			: permanent & TPMA_PERMANENT_LOCKOUTAUTHSET
			? "takes the lockout password"
			: "open to all who may use the TPM: there is no "
			  "lockout password");
}

/* A TPM tells its free persistent slots, but not its free NV bytes. */
static void
check_room(struct tpm *tpm, struct report *r)
{
	struct resident_keys keys = { 0 };
	struct persistent_slots slots;
	struct tpm_handles ours;

	if (persistent_slots(tpm, &slots) != 0 ||
	    tpm_list_handles(tpm, PERSISTENT_FIRST, PERSISTENT_LAST,
		"list its persistent keys", &ours) != 0 ||
	    resident_list(tpm, &keys) != 0) {
		report_add(r, "room", FINDING_WRONG, NULL, "%s", log_cause());
		return;
	}
	report_add(r, "room", FINDING_OK, NULL,
	    "%zu resident key%s; %u persistent slots are used, %zu of them for "
	    "copies of keys, %u are free; sk-tpm list tells which keys",
	    keys.n, keys.n == 1 ? "" : "s", slots.used, ours.n, slots.free);
	resident_keys_reset(&keys);
}

/* --- how fast it is ---------------------------------------------------- */

/* Signs with a key that is made for this and not kept. */
static void
check_speed(const struct config *cfg, struct report *r)
{
	const struct credential_request req = {
		.application = "ssh:doctor",
		.challenge = { (const uint8_t *)"doctor", 6 },
	};
	struct credential cred = { 0 };
	struct tpm_totals totals;
	uint64_t start;
	int err;

	if ((err = credential_make(cfg, &req, &cred)) != 0) {
		report_add(r, "signature", FINDING_WRONG, error_remedy(err),
		    "%s", log_cause());
		return;
	}
	tpm_totals_reset();
	start = clock_us();
	err = credential_test(cfg, bytes_slice(&cred.key_handle), NULL);
	if (err != 0) {
		report_add(r, "signature", FINDING_WRONG, error_remedy(err),
		    "%s", log_cause());
	} else {
		totals = tpm_totals();
		report_add(r, "signature", FINDING_OK, NULL,
		    "%.0f ms, %.0f of them in the TPM, for %u commands",
		    (double)(clock_us() - start) / 1000,
		    (double)totals.busy_us / 1000, totals.commands);
	}
	credential_reset(&cred);
}

void
check_tpm(const struct config *cfg, struct report *r)
{
	struct tpm *tpm = NULL;
	int err;

	if ((err = tpm_open(cfg->tcti, &tpm)) != 0) {
		report_add(r, "TPM", FINDING_WRONG, error_remedy(err), "%s",
		    log_cause());
		return;
	}
	report_add(r, "TPM", FINDING_OK, NULL, "%s opens", cfg->tcti);
	check_manager(cfg, r);
	check_identity(tpm, r);
	check_lockout(tpm, r);
	check_parent(tpm, r);
	check_ek(tpm, cfg, r);
	check_owner(tpm, r);
	check_clearing(tpm, r);
	check_room(tpm, r);
	tpm_close(tpm);
	check_speed(cfg, r);
}
