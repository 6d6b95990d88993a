/* SPDX-License-Identifier: ISC */
#include "authenticator/credential-request.h"
#include "authenticator/pin-lifetime.h"

_Static_assert(HANDLE_BINDING_LEN == PIN_TICKET_BINDING_LEN,
    "tickets are found by the binding of a key");

uint32_t
pin_lifetime_of(const struct config *cfg, const struct handle *h)
{
	return h->pin_lifetime < cfg->pin_lifetime ? h->pin_lifetime
						   : cfg->pin_lifetime;
}

uint32_t
pin_lifetime_for_new(const struct config *cfg, unsigned int flags)
{
	if ((flags & CREDENTIAL_VERIFICATION) == 0 ||
	    cfg->pin_lifetime == CONFIG_PIN_LIFETIME_KEYS)
		return 0;
	return cfg->pin_lifetime;
}

bool
pin_lifetime_find(
    const struct config *cfg, const struct handle *h, struct pin_ticket *ret)
{
	uint8_t binding[HANDLE_BINDING_LEN];

	return h->auth == HANDLE_AUTH_PIN_OBJECT &&
	    handle_binding(h, binding) == 0 &&
	    pin_ticket_find(binding, pin_lifetime_of(cfg, h), ret);
}

void
pin_lifetime_keep(const struct handle *h, const struct pin_ticket *ticket)
{
	uint8_t binding[HANDLE_BINDING_LEN];

	if (ticket->tpm.len > 0 && handle_binding(h, binding) == 0)
		pin_ticket_keep(binding, ticket);
}

int
pin_lifetime_forget(const struct handle *h)
{
	uint8_t binding[HANDLE_BINDING_LEN];
	int r;

	if ((r = handle_binding(h, binding)) != 0)
		return r;
	return pin_ticket_forget(binding);
}
