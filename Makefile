# sk-tpm: `make help` lists what can be made.

VERSION = 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec/sk-tpm
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/sk-tpm
ZSHDIR ?= $(DATADIR)/zsh/site-functions
DESTDIR ?=
INSTALL ?= install
PKG_CONFIG ?= pkg-config
WERROR ?= -Werror
# no: without the question for a finger and without notifications, which take
# libsystemd, and without its headers.
FPRINTD ?= yes
B ?= build

CC ?= cc
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=

MAKEFLAGS += -r
.DELETE_ON_ERROR:

# For the goals that build by themselves: two jobs, unless make was told.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j2)

# pkg-config is asked only when something is compiled, so that `make demo` and
# `make check` can install it first.
PACKAGES = tss2-esys tss2-sys tss2-mu tss2-rc tss2-tctildr libcbor libcrypto
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -ldl

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wconversion \
	-Wsign-conversion -Wcast-qual -Wbad-function-cast \
	-Wimplicit-fallthrough $(WERROR)
# Compilers for x86 alone have it, and others refuse it.
CONTROL_FLOW := $(shell $(CC) -fcf-protection=full -x c -S -o /dev/null \
	/dev/null 2>/dev/null && echo -fcf-protection=full)
HARDENING ?= -fstack-protector-strong -fstack-clash-protection $(CONTROL_FLOW) \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SK_CPPFLAGS = -D_GNU_SOURCE -DSK_TPM_VERSION='"$(VERSION)"' \
	-DSK_TPM_LIBRARY='"$(LIBDIR)/libsk-tpm.so"' \
	-DSK_TPM_LIBEXEC='"$(LIBEXECDIR)"' -Isk -Ienroll $(CPPFLAGS)
SK_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(HARDENING) \
	$(CFLAGS)
SK_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack \
	-Wl,--as-needed $(LDFLAGS)
# Objects depend on the flags they were made with, and on the libraries.
FLAGS = $(B)/flags
FLAGS_NOW = $(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) $(DOCDIR) $(LIBEXECDIR) $(BY_BUS)
COMPILE = $(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) -MMD -MP

# $(call OBJECT,FLAGS), of the first prerequisite, and $(call PROGRAM,FLAGS,LIBS),
# or a library, of all those that are sources or objects.
define OBJECT
@mkdir -p $(@D)
@echo "  CC    $@"
@$(COMPILE) $(1) -c -o $@ $<
endef
define PROGRAM
@mkdir -p $(@D)
@echo "  CC    $@"
@$(COMPILE) -MF $@.d $(SK_LDFLAGS) $(1) -o $@ $(filter %.c %.o,$^) $(2)
endef

ifeq ($(FPRINTD),yes)
BY_BUS = user/bus user/fingerprint user/notify
FPRINTD_PACKAGE = libsystemd
else ifeq ($(FPRINTD),no)
BY_BUS = user/fingerprint-none user/notify-none
else
$(error FPRINTD is yes or no)
endif
MODULES = attest/activate attest/ek attest/ek-cert attest/ek-certificates \
	attest/ek-kind attest/guard attest/ek-public attest/machine-id attest/tpm2b \
	authenticator/ask-owner authenticator/authdata \
	authenticator/credential authenticator/limits-check \
	authenticator/persistent-credential authenticator/pin-lifetime \
	authenticator/resident-credential authenticator/use \
	base/base64 base/bytes base/cbor base/child base/clock base/duration base/error base/home base/log \
	base/p256 base/process base/sha256 base/text base/utf8 base/wire \
	config \
	fallback/fallback fallback/helper-message \
	key/blob key/boot-state key/conditions key/copy key/handle key/key key/limits key/load \
	key/parent key/pin-object key/resident key/resident-record key/sign \
	key/sign-pin-object key/sign-policy key/template \
	ssh/caller ssh/key-name ssh/known-hosts ssh/signdata ssh/sshkey \
	tpm/bare tpm/capability tpm/device tpm/hierarchy tpm/interrupt tpm/lockout \
	tpm/name tpm/nv tpm/nv-other tpm/object tpm/owner tpm/pcr tpm/pcr-read \
	tpm/persistent \
	tpm/policy tpm/policy-secret tpm/policy-session tpm/primary tpm/rc tpm/retry tpm/session tpm/tcti-device \
	tpm/tcti-watch tpm/tpm \
	user/display $(BY_BUS) user/pin user/pin-ticket user/presence user/terminal
OBJS = $(MODULES:%=$(B)/sk/%.o)
# What a CA needs to judge a key. None of it needs tpm2-tss.
ATTEST = attest/ek-cert attest/ek-cert-words attest/ek-chain attest/ek-public attest/ek-roots attest/kdf \
	attest/machine-id attest/make-credential \
	attest/message-answer attest/message-ca attest/message-lines \
	attest/message-machine attest/message-parts attest/seed attest/tpm2b \
	attest/verify
CA_OBJS = $(patsubst %,$(B)/sk/%.o,$(ATTEST) \
	base/base64 base/bytes base/cbor base/error base/home base/log base/p256 \
	base/sha256 base/text base/utf8 base/wire \
	key/conditions key/handle key/limits key/template \
	ssh/certificate ssh/sshkey tpm/name tpm/pcr tpm/policy)
CA_LIBS = $(shell $(PKG_CONFIG) --libs libcrypto libcbor)
# sk-tpm-ca and its helpers: what both command and service have, and their own.
CA_SHARED = audit issue krl public-key settings ssh-keygen store-sqlite workdir
CA_COMMAND = answers ca-key-files cmd-approve cmd-audit cmd-certificates cmd-completions cmd-init \
	cmd-machine cmd-rotate cmd-status cmd-waiting figures main
CA_SERVICE = admission certify evidence inventory judge judgement lists sandbox serve slots unix-socket waiting
CA_SHARED_OBJS = $(CA_SHARED:%=$(B)/enroll/ca/%.o) $(CA_OBJS) \
	$(patsubst %,$(B)/sk/base/%.o,clock duration)
CA_SERVICE_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3 json-c) $(CA_LIBS)
CA_PROGRAMS = $(B)/sk-tpm-ca $(B)/libexec/serve $(B)/libexec/relay \
	$(B)/libexec/authorized-keys $(B)/libexec/inventory
LIBS = $(B)/libsk-tpm.so $(B)/libsk-tpm-api9.so $(B)/libsk-tpm-api7.so
COMPLETIONS = $(B)/completions/bash $(B)/completions/zsh $(B)/completions/fish
CA_COMPLETIONS = $(COMPLETIONS:$(B)/%=$(B)/ca/%)
CA_PAGES = $(B)/man/sk-tpm-ca.8 $(B)/man/sk-tpm-ca.conf.5
# Units and accounts of the CA.
CA_PARTS = $(B)/ca
CA_PART_FILES = $(addprefix $(CA_PARTS)/,sk-tpm-ca.socket sk-tpm-ca@.service \
	sk-tpm-ca-inventory.socket sk-tpm-ca-inventory@.service sysusers.conf)
PAGES = $(B)/man/sk-tpm.1 $(B)/man/sk-tpm.conf.5 $(B)/man/libsk-tpm.8
TEXTS = $(B)/README.md $(B)/SECURITY.md $(B)/PROTOCOL.md
EXAMPLES = $(addprefix $(B)/,$(wildcard examples/*.md examples/*.svg) \
	examples/ssh_config.d-sk-tpm.conf)
# Units of a server that has joined a CA.
JOIN_PARTS = $(B)/join
JOIN_PART_FILES = $(JOIN_PARTS)/sk-tpm-renew.service $(JOIN_PARTS)/sk-tpm-renew.timer

# --- building ----------------------------------------------------------------

.PHONY: all
all: $(LIBS) $(B)/sk-tpm $(CA_PROGRAMS) $(COMPLETIONS) $(CA_COMPLETIONS) $(PAGES) $(CA_PAGES) $(CA_PART_FILES) $(TEXTS) $(EXAMPLES) $(JOIN_PART_FILES) ## build the library, for today's and for older OpenSSH, sk-tpm and sk-tpm-ca

$(B)/libsk-tpm.so: $(B)/sk/provider-10.o $(B)/sk/response-10.o
$(B)/libsk-tpm-api9.so: $(B)/sk/provider-9.o $(B)/sk/response-9.o
$(B)/libsk-tpm-api7.so: $(B)/sk/provider-7.o $(B)/sk/response-7.o
$(LIBS): $(OBJS) sk/libsk-tpm.map
	@echo "  LINK  $@"
	@$(CC) -shared $(SK_CFLAGS) $(SK_LDFLAGS) -Wl,-z,defs \
	    -Wl,--version-script=sk/libsk-tpm.map \
	    -o $@ $(filter %.o,$^) $(PKG_LIBS)

$(FLAGS): always
	@mkdir -p $(@D)
	@$(PKG_CONFIG) --exists $(PACKAGES) json-c sqlite3 $(FPRINTD_PACKAGE) || { \
	    echo "sk-tpm: pkg-config or development files are missing;" \
	    "on Debian: tests/install-packages build"; exit 1; } >&2
	@echo '$(subst ','"'"',$(FLAGS_NOW))' | cmp -s - $@ || \
	    echo '$(subst ','"'"',$(FLAGS_NOW))' >$@

.PHONY: always

$(B)/sk/%.o: sk/%.c $(FLAGS)
	$(call OBJECT)

$(B)/sk/provider-%.o: sk/provider.c $(FLAGS)
	$(call OBJECT,-DSK_API_MAJOR=$*)

$(B)/sk/response-%.o: sk/response.c $(FLAGS)
	$(call OBJECT,-DSK_API_MAJOR=$*)

# The command, from the same files.
COMMAND = agent answer evicting cmd-completions cmd-enroll cmd-evict cmd-forget cmd-join cmd-known-hosts cmd-leave cmd-list cmd-persist cmd-pin cmd-remove \
	cmd-setup cmd-show cmd-test \
	doctor/agent-program doctor/check-ek doctor/check-join doctor/check-key doctor/check-ssh doctor/check-tpm \
	doctor/cmd-doctor doctor/report doctor/weakness \
	cmd-renew join/account join/install join/known-hosts-lines join/person join/programs join/settings join/sshd \
	cmd-request request/agent-certificate request/askpass request/certificate-file request/conversation request/progress request/proof request/ssh-keygen request/trust-files \
	keyfile keyref main new-file new-pin openssh setup-ek startup
# What of sk/ the command alone needs.
COMMAND_SK = attest/ek-cert-words attest/ek-chain attest/ek-roots attest/message-answer attest/message-ca attest/message-lines \
	attest/message-machine attest/message-parts ssh/certificate
COMMAND_OBJS = $(COMMAND:%=$(B)/enroll/%.o)
COMMAND_SK_OBJS = $(COMMAND_SK:%=$(B)/sk/%.o)
COMMAND_LIBS = $(shell $(PKG_CONFIG) --libs json-c) $(PKG_LIBS)

$(B)/sk-tpm: $(COMMAND_OBJS) $(COMMAND_SK_OBJS) $(OBJS)
	@echo "  LINK  $@"
	@$(CC) $(SK_CFLAGS) $(SK_LDFLAGS) -pie -o $@ $(filter %.o,$^) \
	    $(COMMAND_LIBS)

$(B)/enroll/%.o: enroll/%.c $(FLAGS)
	$(call OBJECT)

$(B)/sk-tpm-ca: $(CA_COMMAND:%=$(B)/enroll/ca/%.o) $(CA_SHARED_OBJS)
$(B)/libexec/serve: $(CA_SERVICE:%=$(B)/enroll/ca/%.o) $(CA_SHARED_OBJS)
$(B)/libexec/relay: $(B)/enroll/ca/relay.o $(B)/enroll/ca/unix-socket.o
$(B)/libexec/authorized-keys: $(B)/enroll/ca/authorized-keys.o $(CA_OBJS)
$(B)/libexec/inventory: $(B)/enroll/ca/inventory-run.o $(B)/enroll/ca/settings.o $(CA_OBJS) \
	$(patsubst %,$(B)/sk/base/%.o,clock duration)
$(CA_PROGRAMS):
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(SK_CFLAGS) $(SK_LDFLAGS) -pie -o $@ $(filter %.o,$^) \
	    $(CA_SERVICE_LIBS)

$(B)/completions/%: $(B)/sk-tpm
	@mkdir -p $(@D)
	@$(B)/sk-tpm completions $* >$@
$(B)/ca/completions/%: $(B)/sk-tpm-ca
	@mkdir -p $(@D)
	@$(B)/sk-tpm-ca completions $* >$@

# The manual and the examples name the library where it is going to be.
SET_PATHS = sed 's,/usr/local/lib/libsk-tpm,$(LIBDIR)/libsk-tpm,g; \
	s,/usr/local/share/doc/sk-tpm,$(DOCDIR),g; \
	s,/usr/local/libexec/sk-tpm/,$(LIBEXECDIR)/,g; s,/usr/local/bin/,$(BINDIR)/,g

$(B)/man/%: man/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

# Where the manual and the tree are not beside them, their names are enough.
$(B)/%.md: %.md $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS); s,\[\([^]]*\)\](\(man/[^)]*\|CONTRIBUTING.md\)),\1,g' $< >$@

$(JOIN_PARTS)/%: enroll/join/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

$(CA_PARTS)/%: enroll/ca/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

$(B)/examples/%: examples/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

# --- tests: check and its kin ------------------------------------------------

include tests/tests.mk

.PHONY: lint format
C_FILES = $(wildcard sk/*.[ch] sk/*/*.[ch] enroll/*.[ch] enroll/*/*.[ch] tests/*/*.[ch])
# What begins as a shell script does, and what such scripts include.
SH_FILES = tests/lib.sh $(wildcard tests/lib/*.sh) tests/attest/common tests/workflow.sh tests/debian/trees.sh \
	$(wildcard tests/vm/*.sh) \
	$(shell grep -rlE '^\#!/(usr/)?bin/(env bash|sh|bash)$$' \
	examples tests debian rpm .ci)

lint: ## check includes, layout (clang-format), C (cppcheck), shell (shellcheck), manual, pictures
	@tests/install-packages lint
	tests/includes
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem -D__cppcheck__ --force \
	    -Isk -Ienroll sk enroll tests
	shellcheck -S warning $(SH_FILES)
	mandoc -T lint -W warning man/*.[158]
	xmllint --noout examples/*.svg

format: ## lay out the C files
	@clang-format -i $(C_FILES)

# --- using -------------------------------------------------------------------

.PHONY: demo deb rpm install uninstall install-ca uninstall-ca clean help
demo: ## install what is missing, and show the main job on a private TPM
	@tests/install-packages demo
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD='$(abspath $(B))' examples/demo

deb: ## build a Debian package below $(B)/deb, and have lintian check it
	@tests/install-packages deb
	@debian/make-deb '$(abspath $(B))/deb'

rpm: ## build an RPM package below $(B)/rpm; it was installed nowhere so far
	@tests/install-packages rpm
	@rpm/make-rpm '$(abspath $(B))/rpm'

# FILE:PLACE of all that is installed; uninstall goes by the same list.
PROGRAMS = $(B)/sk-tpm:$(BINDIR)/sk-tpm
FILES = $(foreach f,$(JOIN_PART_FILES),$(f):$(UNITDIR)/$(notdir $(f))) \
	$(foreach f,$(LIBS),$(f):$(LIBDIR)/$(notdir $(f))) \
	$(B)/completions/bash:$(DATADIR)/bash-completion/completions/sk-tpm \
	$(B)/completions/zsh:$(ZSHDIR)/_sk-tpm \
	$(B)/completions/fish:$(DATADIR)/fish/vendor_completions.d/sk-tpm.fish \
	$(foreach f,$(PAGES),$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
	$(B)/README.md:$(DOCDIR)/README.md \
	$(B)/SECURITY.md:$(DOCDIR)/SECURITY.md \
	$(B)/PROTOCOL.md:$(DOCDIR)/PROTOCOL.md \
	$(foreach f,$(EXAMPLES),$(f):$(DOCDIR)/examples/$(notdir $(f)))

CA_FILES = $(CA_PARTS)/sk-tpm-ca.socket:$(UNITDIR)/sk-tpm-ca.socket \
	$(CA_PARTS)/sk-tpm-ca@.service:$(UNITDIR)/sk-tpm-ca@.service \
	$(CA_PARTS)/sk-tpm-ca-inventory.socket:$(UNITDIR)/sk-tpm-ca-inventory.socket \
	$(CA_PARTS)/sk-tpm-ca-inventory@.service:$(UNITDIR)/sk-tpm-ca-inventory@.service \
	$(CA_PARTS)/sysusers.conf:$(SYSUSERSDIR)/sk-tpm-ca.conf \
	$(B)/ca/completions/bash:$(DATADIR)/bash-completion/completions/sk-tpm-ca \
	$(B)/ca/completions/zsh:$(ZSHDIR)/_sk-tpm-ca \
	$(B)/ca/completions/fish:$(DATADIR)/fish/vendor_completions.d/sk-tpm-ca.fish \
	$(foreach f,$(CA_PAGES),$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f)))
CA_INSTALLED = $(B)/sk-tpm-ca:$(BINDIR)/sk-tpm-ca \
	$(foreach f,$(filter $(B)/libexec/%,$(CA_PROGRAMS)),$(f):$(LIBEXECDIR)/$(notdir $(f)))

# $(call INSTALL_ALL,MODE,FILE:PLACE...)
define INSTALL_ALL
@set -e; for f in $(2); do echo "  INSTALL $${f#*:}"; \
    $(INSTALL) -D -m $(1) "$${f%%:*}" "$(DESTDIR)$${f#*:}"; done
endef
# $(call REMOVE_ALL,FILE:PLACE...)
define REMOVE_ALL
@set -e; for f in $(1); do echo "  REMOVE $${f#*:}"; \
    rm -f "$(DESTDIR)$${f#*:}"; done
endef

install: all ## install below $(DESTDIR)$(PREFIX)
	$(call INSTALL_ALL,0755,$(PROGRAMS))
	$(call INSTALL_ALL,0644,$(FILES))

install-ca: all ## install sk-tpm-ca, for a host that certifies others' keys
	$(call INSTALL_ALL,0755,$(CA_INSTALLED))
	$(call INSTALL_ALL,0644,$(CA_FILES))

uninstall: ## remove what install put there
	@[ -n "$(DESTDIR)" ] || [ ! -e /etc/ssh/sk-tpm-join.conf ] || { \
	    echo "sk-tpm: this server has joined a CA: sk-tpm leave first" >&2; \
	    exit 1; }
	$(call REMOVE_ALL,$(PROGRAMS) $(FILES))
	@for d in "$(DESTDIR)$(DOCDIR)/examples" "$(DESTDIR)$(DOCDIR)" \
	    "$(DESTDIR)$(LIBEXECDIR)"; do \
	    [ ! -d "$$d" ] || rmdir --ignore-fail-on-non-empty "$$d"; done

uninstall-ca: ## remove what install-ca put there
	$(call REMOVE_ALL,$(CA_INSTALLED) $(CA_FILES))
	@[ ! -d "$(DESTDIR)$(LIBEXECDIR)" ] || \
	    rmdir --ignore-fail-on-non-empty "$(DESTDIR)$(LIBEXECDIR)"

clean: ## remove what was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14 | \
	    sed 's,$$(B),$(B),g; s,$$(DESTDIR)$$(PREFIX),$(DESTDIR)$(PREFIX),g'

# The compiler writes these; no pattern above is to make one.
DEPENDENCIES = $(wildcard $(B)/sk/*.d $(B)/sk/*/*.d $(B)/enroll/*.d $(B)/enroll/*/*.d $(B)/tests/*/*.d \
	$(B)/tests/*/*/*.d)
$(DEPENDENCIES): ;
-include $(DEPENDENCIES)
