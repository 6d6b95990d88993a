/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include "base/error.h"

static const struct {
	int err;
	const char *remedy;
} remedies[] = {
	{ FAIL_INTERNAL, "this is a bug in sk-tpm, please report it" },
	{ FAIL_MEMORY, "free some memory and try again" },
	{ FAIL_NO_DEVICE,
	    "enable the TPM (fTPM, PTT) in the firmware setup, or name another "
	    "one with SK_TPM_TCTI" },
	{ FAIL_UNREACHABLE,
	    "check that what SK_TPM_TCTI or -O device= names is running" },
	{ FAIL_LOST, "try again; sk-tpm doctor tells whether it is back" },
	{ FAIL_NOT_TPM2, "sk-tpm needs a TPM 2.0" },
	{ FAIL_TPM_FAILURE,
	    "turn the machine off and on; if it stays, update its firmware" },
	{ FAIL_TPM_FULL,
	    "flush what other programs left in it (tpm2_flushcontext -t), or "
	    "use the kernel's resource manager, /dev/tpmrm0" },
	{ FAIL_TPM_BUSY, "try again when other programs are done with it" },
	{ FAIL_TPM, "try again; if it stays, see what sk-tpm doctor says" },
	{ FAIL_NOT_OURS,
	    "name the provider that made this key as FallbackProvider in "
	    "sk-tpm.conf" },
	{ FAIL_HANDLE, "restore the key file from a copy, or make a new key" },
	{ FAIL_VERSION, "update sk-tpm" },
	{ FAIL_OTHER_TPM,
	    "a TPM key cannot move: make one on this machine with "
	    "ssh-keygen -t ecdsa-sk" },
	{ FAIL_OWNER_AUTH, "make it persistent once: sk-tpm setup" },
	{ FAIL_PRESENCE,
	    "sign from a terminal or with SSH_ASKPASS, set UserPresence in "
	    "sk-tpm.conf, or make the key with -O no-touch-required" },
	{ FAIL_SECRET, "run it at a terminal, or with SSH_ASKPASS" },
	{ FAIL_LOCKOUT,
	    "wait, or have it reset with the TPM's lockout password: "
	    "tpm2_dictionarylockout -c" },
	{ FAIL_LIMIT, "use another key for this" },
	{ FAIL_OWNER_PASSWORD, "enter the password that this TPM's owner has" },
	{ FAIL_ENDORSEMENT_PASSWORD,
	    "enter the password of this TPM's endorsement hierarchy" },
	{ FAIL_EK, "see what sk-tpm doctor says of endorsement keys" },
	{ FAIL_CHALLENGE,
	    "try again; if it stays, tell the CA this machine's ids, which "
	    "sk-tpm doctor prints" },
	{ FAIL_NV_FULL,
	    "remove a resident key or evict a persistent one that is not needed; "
	    "sk-tpm list tells which there are" },
	{ FAIL_FALLBACK,
	    "see what it printed, or set LogLevel debug in sk-tpm.conf" },
	{ FAIL_EXISTS, "name another with -O user= or -O application=" },
	{ FAIL_BOOT_STATE,
	    "boot as then, or make a new key (sk-tpm enroll --pcrs)" },
	{ FAIL_FORGED, "do not trust this TPM or the way to it" },
};

const char *
error_remedy(int err)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (remedies[i].err == err)
			return remedies[i].remedy;
	return NULL;
}
