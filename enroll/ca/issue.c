/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "ca/issue.h"
#include "ca/public-key.h"
#include "ca/ssh-keygen.h"
#include "ca/workdir.h"

/* --- the CA's key ------------------------------------------------------ */

static bool
ends_in_pub(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".pub") == 0;
}

int
ca_public_key(const struct settings *settings, enum certificate_type type,
    struct bytes *ret_blob)
{
	const char *file = settings_ca_key(settings, type);
	char path[4096];

	if (file == NULL)
		return fail(FAIL_UNAVAILABLE, "there is no %s in the settings",
		    type == CERTIFICATE_HOST ? "HostCAKey" : "UserCAKey");
	snprintf(
	    path, sizeof(path), "%s%s", file, ends_in_pub(file) ? "" : ".pub");
	return public_key_read(path, ret_blob);
}

int
ca_next_key(const struct settings *settings, enum certificate_type type,
    struct bytes *ret_blob)
{
	const char *file = settings_ca_key(settings, type);
	char path[4096];
	int n = (int)strlen(file) - (ends_in_pub(file) ? 4 : 0);

	snprintf(path, sizeof(path), "%.*s.next.pub", n, file);
	return access(path, F_OK) == 0 ? public_key_read(path, ret_blob) : 0;
}

/* --- what ssh-keygen is told ------------------------------------------- */

/* The texts that its arguments borrow. */
struct texts_of_order {
	struct text principals, serial, validity, force, source;
};

/* Of names that ssh-keygen would split, or read as something else, none. */
static int
join_principals(const struct texts *principals, struct text *out)
{
	for (size_t i = 0; i < principals->n; i++) {
		const char *name = principals->text[i];

		if (name[0] == '\0' || name[0] == '-' ||
		    strpbrk(name, ", \t\n\\\"") != NULL)
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" cannot be a principal", name);
		text_add(out, "%s%s", i > 0 ? "," : "", name);
	}
	if (principals->n == 0 || out->len >= TEXT_LEN - 1)
		return fail(FAIL_ARGUMENT, "no principals, or too many");
	return 0;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static int
write_texts(const struct certificate_order *order, struct texts_of_order *t)
{
	const struct profile *p = order->profile;

	if (order->key_id[0] == '\0' || !is_printable(order->key_id))
		return fail(FAIL_ARGUMENT, "the key id is not a line of text");
	text_add(&t->serial, "%llu", (unsigned long long)order->serial);
	text_add(&t->validity, "0x%llx:0x%llx",
	    (unsigned long long)order->valid_from,
	    (unsigned long long)order->valid_to);
	if (p->force_command != NULL)
		text_add(&t->force, "force-command=%s", p->force_command);
	if (p->source_address != NULL)
		text_add(&t->source, "source-address=%s", p->source_address);
	return join_principals(order->principals, &t->principals);
}

static void
add_option(struct ssh_keygen *run, const char *option)
{
	ssh_keygen_add(run, "-O");
	ssh_keygen_add(run, option);
}

/* ssh-keygen would permit everything by itself. */
static void
add_user_options(struct ssh_keygen *run, const struct certificate_order *order,
    const struct texts_of_order *t)
{
	const struct profile *p = order->profile;

	add_option(run, "clear");
	for (size_t i = 0; i < p->extensions.n; i++)
		add_option(run, p->extensions.text[i]);
	for (size_t i = 0; i < p->critical_options.n; i++)
		add_option(run, p->critical_options.text[i]);
	if (t->force.len > 0)
		add_option(run, t->force.s);
	if (t->source.len > 0)
		add_option(run, t->source.s);
	if (order->no_touch_required)
		add_option(run, "no-touch-required");
}

static void
add_arguments(struct ssh_keygen *run, const struct settings *settings,
    const struct certificate_order *order, const struct texts_of_order *t,
    const char *key)
{
	ssh_keygen_add(run, "-q");
	ssh_keygen_add(run, "-s");
	ssh_keygen_add(run, settings_ca_key(settings, order->type));
	if (settings->ca_key_agent != NULL)
		ssh_keygen_add(run, "-U");
	if (settings->pkcs11_provider != NULL) {
		ssh_keygen_add(run, "-D");
		ssh_keygen_add(run, settings->pkcs11_provider);
	}
	ssh_keygen_add(run, "-I");
	ssh_keygen_add(run, order->key_id);
	ssh_keygen_add(run, "-n");
	ssh_keygen_add(run, t->principals.s);
	ssh_keygen_add(run, "-z");
	ssh_keygen_add(run, t->serial.s);
	ssh_keygen_add(run, "-V");
	ssh_keygen_add(run, t->validity.s);
	if (order->type == CERTIFICATE_HOST)
		ssh_keygen_add(run, "-h");
	else
		add_user_options(run, order, t);
	ssh_keygen_add(run, key);
}

/* --- what came --------------------------------------------------------- */

static bool
has_principals(struct slice wire, const struct texts *principals)
{
	struct slice name;

	for (size_t i = 0; i < principals->n; i++)
		if (!wire_take_string(&wire, &name) ||
		    !slice_is(name, principals->text[i]))
			return false;
	return wire.len == 0;
}

/* It was signed by the key that others are told to trust. */
static int
check(const struct settings *settings, const struct certificate_order *order,
    const struct bytes *blob)
{
	struct bytes ca = { 0 };
	struct certificate c;
	uint8_t of_key[32], of_order[32];
	bool good;
	int r;

	if ((r = ca_public_key(settings, order->type, &ca)) != 0)
		return r;
	good = certificate_parse_signed(bytes_slice(blob), &c) &&
	    c.type == order->type && c.serial == order->serial &&
	    slice_is(c.key_id, order->key_id) &&
	    has_principals(c.principals, order->principals) &&
	    c.valid_after == (uint64_t)order->valid_from &&
	    c.valid_before == (uint64_t)order->valid_to &&
	    slice_equal(c.ca, bytes_slice(&ca)) &&
	    certificate_fingerprint(&c, of_key) &&
	    sshkey_fingerprint(order->blob, of_order) &&
	    memcmp(of_key, of_order, sizeof(of_key)) == 0;
	bytes_reset(&ca);
	return good ? 0
		    : fail(FAIL_UNAVAILABLE,
			  "ssh-keygen made another certificate than it was "
			  "told to; does the CA's key belong to its .pub?");
}

static int
sign_in(struct workdir *dir, const struct settings *settings,
    const struct certificate_order *order, struct bytes *ret)
{
	const char *key = workdir_path(dir, "key.pub");
	const char *certificate = workdir_path(dir, "key-cert.pub");
	struct texts_of_order texts = { 0 };
	struct ssh_keygen run = { 0 };
	struct bytes public = { 0 };
	int r;

	if (key == NULL || certificate == NULL)
		return FAIL_MEMORY;
	if ((r = public_key_put(&public, order->blob)) == 0)
		r = file_write_new(key, bytes_slice(&public));
	bytes_reset(&public);
	if (r != 0 || (r = write_texts(order, &texts)) != 0)
		return r;
	add_arguments(&run, settings, order, &texts, key);
	if ((r = ssh_keygen_run(&run, settings)) != 0)
		return r;
	return public_key_read(certificate, ret);
}

int
certificate_issue(const struct settings *settings,
    const struct certificate_order *order, struct bytes *ret)
{
	struct workdir dir = { 0 };
	int r;

	if (settings_ca_key(settings, order->type) == NULL)
		return ca_public_key(settings, order->type, ret);
	if ((r = workdir_make(settings, &dir)) == 0 &&
	    (r = sign_in(&dir, settings, order, ret)) == 0)
		r = check(settings, order, ret);
	workdir_remove(&dir);
	return r;
}
