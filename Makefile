# sk-tpm: `make help` lists what can be made.

VERSION = 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DESTDIR ?=
INSTALL ?= install
PKG_CONFIG ?= pkg-config
WERROR ?= -Werror
B ?= build

CC ?= cc
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=

MAKEFLAGS += -r

# For the goals that build by themselves: two jobs, unless make was told.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j2)

# pkg-config is asked only when something is compiled, so that `make demo` and
# `make check` can install it first.
PACKAGES = tss2-esys tss2-mu tss2-rc tss2-tctildr libcbor libcrypto
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -ldl

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 $(WERROR)
HARDENING ?= -fstack-protector-strong -fstack-clash-protection \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SK_CPPFLAGS = -D_GNU_SOURCE -DSK_TPM_VERSION='"$(VERSION)"' \
	-DSK_TPM_LIBRARY='"$(LIBDIR)/libsk-tpm.so"' -Isk $(CPPFLAGS)
SK_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(HARDENING) \
	$(CFLAGS)
SK_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack \
	-Wl,--as-needed $(LDFLAGS)
# Objects depend on the flags they were made with, and on the libraries.
FLAGS = $(B)/flags
FLAGS_NOW = $(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS)
COMPILE = $(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) -MMD -MP -c

ROOMS = bytes cbor-item child config credential credential-resident device \
	error fallback fido fingerprint handle helper-message home key key-limits known-hosts lockout \
	log parent pin presence record request resident session sshkey \
	terminal text tpm tpm-rc traffic wire
OBJS = $(ROOMS:%=$(B)/sk/%.o)
LIBS = $(B)/libsk-tpm.so $(B)/libsk-tpm-api9.so $(B)/libsk-tpm-api7.so

# --- building ----------------------------------------------------------------

.PHONY: all
all: $(LIBS) $(B)/sk-tpm ## build the library, for today's and for older OpenSSH, and sk-tpm

$(B)/libsk-tpm.so: $(B)/sk/provider-10.o $(B)/sk/response-10.o
$(B)/libsk-tpm-api9.so: $(B)/sk/provider-9.o $(B)/sk/response-9.o
$(B)/libsk-tpm-api7.so: $(B)/sk/provider-7.o $(B)/sk/response-7.o
$(LIBS): $(OBJS) sk/libsk-tpm.map
	@echo "  LINK  $@"
	@$(CC) -shared $(SK_CFLAGS) $(SK_LDFLAGS) -Wl,-z,defs \
	    -Wl,--version-script=sk/libsk-tpm.map -Wl,-soname,$(@F) \
	    -o $@ $(filter %.o,$^) $(PKG_LIBS)

$(FLAGS): always
	@mkdir -p $(@D)
	@$(PKG_CONFIG) --exists $(PACKAGES) json-c libsystemd || { \
	    echo "sk-tpm: pkg-config or development files are missing;" \
	    "on Debian: tests/install-packages build"; exit 1; } >&2
	@echo '$(subst ','"'"',$(FLAGS_NOW))' | cmp -s - $@ || \
	    echo '$(subst ','"'"',$(FLAGS_NOW))' >$@

.PHONY: always

$(B)/sk/%.o: sk/%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -o $@ $<

$(B)/sk/provider-%.o: sk/provider.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -DSK_API_MAJOR=$* -o $@ $<

$(B)/sk/response-%.o: sk/response.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -DSK_API_MAJOR=$* -o $@ $<

# The command, on the same rooms.
COMMAND = answer cmd-completions cmd-doctor cmd-enroll cmd-keys cmd-pin cmd-setup \
	doctor-ssh doctor-tpm keyfile keyref main owner weakness
COMMAND_OBJS = $(COMMAND:%=$(B)/enroll/%.o)
COMMAND_PACKAGES = json-c

$(B)/sk-tpm: $(COMMAND_OBJS) $(OBJS)
	@echo "  LINK  $@"
	@$(CC) $(SK_CFLAGS) $(SK_LDFLAGS) -pie -o $@ $(filter %.o,$^) \
	    $(PKG_LIBS) $(shell $(PKG_CONFIG) --libs $(COMMAND_PACKAGES))

$(B)/enroll/%.o: enroll/%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -o $@ $<

# --- tests -------------------------------------------------------------------

UNITS = abi bytes child config fido handle helper-message key known-hosts key-limits lockout log pin \
	record request text tpm-rc weakness keyfile
UNIT_TESTS = $(UNITS:%=$(B)/tests/unit/test-%)
API_TESTS = $(B)/tests/tpm/test-provider-7 $(B)/tests/tpm/test-provider-9 \
	$(B)/tests/tpm/test-provider-10 $(B)/tests/tpm/test-credential
TOOLS = $(B)/tests/tools/pcap-commands $(B)/tests/tools/verify-attestation \
	$(B)/tests/tools/mock-fprintd $(B)/tests/tools/print-tcti
TCTIS = $(B)/tests/tools/libtss2-tcti-fault.so.0
PROVIDERS = $(B)/tests/tools/provider-record.so $(B)/tests/tools/provider-soft.so
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

.PHONY: check unit sanitized tests
check: ## install what the tests need, and run all of them
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests sanitized
	@BUILD='$(abspath $(B))' tests/run $(UNIT_TESTS) \
	    $(UNIT_TESTS:$(B)/%=$(B)/sanitized/%) \
	    $(REPLAYS:$(B)/%=$(B)/sanitized/%) tests/e2e/*.sh

unit: $(UNIT_TESTS)

sanitized:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS="$(SANITIZE)" \
	    HARDENING= unit replays

# Fuzz targets: replayed over their corpora by check, run by fuzz.
FUZZ = config handle helper keyfile record request
FUZZ_SECONDS ?= 20
REPLAYS = $(FUZZ:%=$(B)/tests/fuzz/replay-%)
FUZZERS = $(FUZZ:%=$(B)/tests/fuzz/fuzz-%)

.PHONY: replays fuzzers fuzz
replays: $(REPLAYS)
fuzzers: $(FUZZERS)

$(B)/tests/fuzz/replay-keyfile $(B)/tests/fuzz/fuzz-keyfile: \
	$(B)/enroll/keyfile.o

$(B)/tests/fuzz/replay-%: tests/fuzz/fuzz-%.c tests/fuzz/replay.c $(OBJS) \
	$(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -Wno-missing-prototypes -o $@ $(filter %.c %.o,$^) \
	    $(PKG_LIBS)

$(B)/tests/fuzz/fuzz-%: tests/fuzz/fuzz-%.c $(OBJS) $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) $(PKG_LIBS)

fuzz: ## run each fuzz target for FUZZ_SECONDS (20), with clang's libFuzzer
	@tests/install-packages fuzz
	@$(MAKE) --no-print-directory $(JOBS) B=$(B)/fuzz CC=clang HARDENING= \
	    CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" fuzzers
	@for t in $(FUZZ); do mkdir -p $(B)/fuzz/corpus/$$t && \
	    $(B)/fuzz/tests/fuzz/fuzz-$$t -max_total_time=$(FUZZ_SECONDS) \
	    -timeout=10 -max_len=4200 -print_final_stats=1 \
	    -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus/$$t \
	    tests/fuzz/corpus/$$t >$(B)/fuzz/$$t.log 2>&1 || \
	    { tail -n 40 $(B)/fuzz/$$t.log; exit 1; }; \
	    echo "fuzz-$$t: $$(sed -n 's/.*number_of_executed_units: //p' \
	    $(B)/fuzz/$$t.log) executions, no finding"; done

tests: $(UNIT_TESTS) $(API_TESTS) $(TOOLS) $(TCTIS) $(PROVIDERS)

# What only unit tests need of the three layouts.
$(B)/tests/unit/test-abi: $(B)/tests/unit/abi-7.o $(B)/tests/unit/abi-9.o \
	$(B)/tests/unit/abi-10.o

$(B)/tests/unit/abi-%.o: tests/unit/abi.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -DSK_API_MAJOR=$* -o $@ $<

$(B)/tests/tpm/test-credential: tests/tpm/test-credential.c $(OBJS) $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -o $@ $(filter %.c %.o,$^) -lcmocka $(PKG_LIBS)

$(B)/tests/unit/test-weakness: $(B)/enroll/weakness.o
$(B)/tests/unit/test-keyfile: $(B)/enroll/keyfile.o
$(B)/tests/unit/test-log: TEST_LDFLAGS = -Wl,--wrap=syslog,--wrap=__syslog_chk

$(B)/tests/unit/test-%: tests/unit/test-%.c $(OBJS) $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) \
	    $(TEST_LDFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c %.o,$^) \
	    -lcmocka $(PKG_LIBS)

$(B)/tests/tpm/test-provider-%: tests/tpm/test-provider.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) -DSK_API_MAJOR=$* $(SK_CFLAGS) $(SK_LDFLAGS) \
	    -MMD -MP -MF $@.d -o $@ $< -lcmocka -lcrypto -ldl

$(B)/tests/tools/print-tcti: tests/tools/print-tcti.c $(OBJS) $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP -MF $@.d \
	    -o $@ $(filter %.c %.o,$^) $(PKG_LIBS)

$(B)/tests/tools/%: tests/tools/%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) -D_GNU_SOURCE $(CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -o $@ $< $(TOOL_LIBS)

$(B)/tests/tools/verify-attestation: TOOL_LIBS = -lfido2 -lcrypto
$(B)/tests/tools/mock-fprintd: TOOL_LIBS = -lsystemd

$(B)/tests/tools/libtss2-tcti-%.so.0: tests/tools/tcti-%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) -shared -MMD -MP \
	    -MF $@.d -o $@ $< $(PKG_LIBS)

$(B)/tests/tools/provider-%.so: tests/tools/provider-%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) -shared -MMD -MP -MF $@.d -o $@ $< \
	    -ldl -lcrypto

.PHONY: lint format
C_FILES = $(wildcard sk/*.[ch] enroll/*.[ch] tests/*/*.[ch])
SH_FILES = tests/run tests/install-packages tests/lib.sh tests/workflow.sh \
	examples/demo examples/machine-identity/sk-tpm-identity \
	examples/machine-identity/sk-tpm-sign-machine .ci/run \
	$(wildcard tests/e2e/*.sh) tests/fuzz/record-requests

lint: ## check layout (clang-format), C (cppcheck), shell (shellcheck), manual
	@tests/install-packages lint
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem -Isk sk enroll tests
	shellcheck -S warning $(SH_FILES)
	mandoc -T lint -W warning man/*.[158]

format: ## lay out the C files
	@clang-format -i $(C_FILES)

# --- using -------------------------------------------------------------------

.PHONY: demo install uninstall clean help
demo: ## install what is missing, and show the main job on a private TPM
	@tests/install-packages demo
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD='$(abspath $(B))' examples/demo

# The machine identity, with the places where things were installed.
SCRIPTS = sk-tpm-identity sk-tpm-sign-machine
UNITS_INSTALLED = sk-tpm-identity.service sk-tpm-identity.timer
HERE = sed -e 's|/usr/local/lib/libsk-tpm|$(LIBDIR)/libsk-tpm|' \
	-e 's|/usr/local/libexec|$(LIBEXECDIR)|'

install: all ## install below $(DESTDIR)$(PREFIX)
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)" \
	    "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man5" \
	    "$(DESTDIR)$(MANDIR)/man8" "$(DESTDIR)$(LIBEXECDIR)" \
	    "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(SYSUSERSDIR)"
	$(INSTALL) -m 0755 $(B)/sk-tpm "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 0644 $(LIBS) "$(DESTDIR)$(LIBDIR)"
	for shell in bash:bash-completion/completions/sk-tpm \
	    zsh:zsh/site-functions/_sk-tpm \
	    fish:fish/vendor_completions.d/sk-tpm.fish; do \
	    $(B)/sk-tpm completions $${shell%%:*} >$(B)/completion && \
	    $(INSTALL) -D -m 0644 $(B)/completion \
		"$(DESTDIR)$(DATADIR)/$${shell#*:}" || exit 1; done
	for f in $(SCRIPTS); do $(HERE) examples/machine-identity/$$f \
	    >"$(DESTDIR)$(LIBEXECDIR)/$$f" && \
	    chmod 0755 "$(DESTDIR)$(LIBEXECDIR)/$$f" || exit 1; done
	for f in $(UNITS_INSTALLED); do $(HERE) examples/machine-identity/$$f \
	    >"$(DESTDIR)$(UNITDIR)/$$f" && \
	    chmod 0644 "$(DESTDIR)$(UNITDIR)/$$f" || exit 1; done
	$(INSTALL) -m 0644 examples/machine-identity/sysusers.conf \
	    "$(DESTDIR)$(SYSUSERSDIR)/sk-tpm.conf"
	$(INSTALL) -m 0644 man/sk-tpm.1 "$(DESTDIR)$(MANDIR)/man1"
	$(INSTALL) -m 0644 man/sk-tpm.conf.5 "$(DESTDIR)$(MANDIR)/man5"
	$(INSTALL) -m 0644 man/libsk-tpm.8 "$(DESTDIR)$(MANDIR)/man8"

uninstall: ## remove what install put there
	for f in $(notdir $(LIBS)); do rm -f "$(DESTDIR)$(LIBDIR)/$$f"; done
	for f in $(SCRIPTS); do rm -f "$(DESTDIR)$(LIBEXECDIR)/$$f"; done
	for f in $(UNITS_INSTALLED); do rm -f "$(DESTDIR)$(UNITDIR)/$$f"; done
	rm -f "$(DESTDIR)$(SYSUSERSDIR)/sk-tpm.conf"
	rm -f "$(DESTDIR)$(BINDIR)/sk-tpm" "$(DESTDIR)$(MANDIR)/man1/sk-tpm.1"
	rm -f "$(DESTDIR)$(DATADIR)/bash-completion/completions/sk-tpm" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions/_sk-tpm" \
	    "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/sk-tpm.fish"
	rm -f "$(DESTDIR)$(MANDIR)/man5/sk-tpm.conf.5" \
	    "$(DESTDIR)$(MANDIR)/man8/libsk-tpm.8"

clean: ## remove what was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## /\1\t/p' Makefile | expand -t 12

# The compiler writes these; no pattern above is to make one.
DEPENDENCIES = $(wildcard $(B)/sk/*.d $(B)/enroll/*.d $(B)/tests/*/*.d)
$(DEPENDENCIES): ;
-include $(DEPENDENCIES)
