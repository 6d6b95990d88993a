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
FLAGS_NOW = $(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) $(DOCDIR) $(LIBEXECDIR)
COMPILE = $(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) -MMD -MP -c

ROOMS = bytes cbor-item child clock config credential credential-resident device \
	error fallback fido fingerprint handle helper-message home key key-limits known-hosts lockout \
	log parent pin presence record request resident session sshkey \
	terminal text tpm tpm-rc traffic wire
OBJS = $(ROOMS:%=$(B)/sk/%.o)
LIBS = $(B)/libsk-tpm.so $(B)/libsk-tpm-api9.so $(B)/libsk-tpm-api7.so
COMPLETIONS = $(B)/completions/bash $(B)/completions/zsh $(B)/completions/fish
PAGES = $(B)/man/sk-tpm.1 $(B)/man/sk-tpm.conf.5 $(B)/man/libsk-tpm.8
TEXTS = $(B)/README.md $(B)/SECURITY.md
EXAMPLES = $(addprefix $(B)/,$(wildcard examples/*.md examples/*.svg) \
	examples/ssh_config.d-sk-tpm.conf)
# The machine identity's parts are used where they are installed, not as
# examples.
IDENTITY = $(B)/examples/machine-identity
IDENTITY_PARTS = $(patsubst %,$(B)/%,$(wildcard examples/machine-identity/*))

# --- building ----------------------------------------------------------------

.PHONY: all
all: $(LIBS) $(B)/sk-tpm $(COMPLETIONS) $(PAGES) $(TEXTS) $(EXAMPLES) $(IDENTITY_PARTS) ## build the library, for today's and for older OpenSSH, and sk-tpm

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
	doctor-ssh doctor-tpm keyfile keyref main new-pin openssh owner weakness
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

$(B)/completions/%: $(B)/sk-tpm
	@mkdir -p $(@D)
	@$(B)/sk-tpm completions $* >$@

# The manual and the examples name the library where it is going to be.
SET_PATHS = sed 's,/usr/local/lib/libsk-tpm,$(LIBDIR)/libsk-tpm,g; \
	s,/usr/local/share/doc/sk-tpm,$(DOCDIR),g; \
	s,/usr/local/libexec/sk-tpm/,$(LIBEXECDIR)/,g

$(B)/man/%: man/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

# Where the manual and the tree are not beside them, their names are enough.
$(B)/%.md: %.md $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS); s,\[\([^]]*\)\](\(man/[^)]*\|CONTRIBUTING.md\)),\1,g' $< >$@

$(B)/examples/%: examples/% $(FLAGS)
	@mkdir -p $(@D)
	@$(SET_PATHS)' $< >$@

# --- tests -------------------------------------------------------------------

UNITS = abi bytes child config fido handle helper-message key known-hosts key-limits lockout log pin \
	record request text tpm-rc weakness keyfile
UNIT_TESTS = $(UNITS:%=$(B)/tests/unit/test-%)
API_TESTS = $(B)/tests/tpm/test-provider-7 $(B)/tests/tpm/test-provider-9 \
	$(B)/tests/tpm/test-provider-10 $(B)/tests/tpm/test-credential \
	$(B)/tests/tpm/test-owner
TOOLS = $(addprefix $(B)/tests/tools/,measure mock-fprintd pcap-commands \
	print-tcti verify-attestation)
# pcap is apart, to be found only where tpm2-tss has none.
TCTIS = $(patsubst tests/tools/tcti-%.c,$(B)/tests/tools/libtss2-tcti-%.so.0,\
	$(filter-out %-pcap.c,$(wildcard tests/tools/tcti-*.c))) \
	$(B)/tests/tools/stand-in/libtss2-tcti-pcap.so.0
PROVIDERS = $(addprefix $(B)/tests/tools/provider-,record.so soft.so \
	soft-api9.so soft-api7.so)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

.PHONY: check check-deb check-unit unit sanitized tests
check: ## install what the tests need, and run all of them
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests sanitized
	@BUILD='$(abspath $(B))' tests/run $(UNIT_TESTS) \
	    $(UNIT_TESTS:$(B)/%=$(B)/sanitized/%) \
	    $(REPLAYS:$(B)/%=$(B)/sanitized/%) tests/e2e/*.sh

# As root, for debootstrap and chroot; says so and skips where that is not.
check-deb: ## build and use the Debian package in Debian 12 and 13, as root
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages check-deb
	@BUILD='$(abspath $(B))' tests/run tests/debian/suites.sh

# What takes too long for check: SIGNATURES, LOGINS and CONNECTIONS, if set, say
# how many.
.PHONY: check-load
check-load: ## 10,000 signatures, 1,000 logins, 2,000 connections; half an hour
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests $(B)/tests/load/sign-many
	@BUILD='$(abspath $(B))' tests/run tests/load/load.sh

# Debian with the kernel's own /dev/tpmrm0. What installs Debian has to be root.
.PHONY: check-vm
check-vm: ## test on a kernel's own /dev/tpmrm0, in QEMU; needs root
	@[ "$$(id -u)" -eq 0 ] || { echo "sk-tpm: check-vm installs a Debian" \
	    "below $(B)/vm, which takes root: sudo make check-vm" >&2; exit 1; }
	@tests/install-packages vm
	@$(MAKE) --no-print-directory $(JOBS) all $(TCTIS)
	@echo "Booting Debian 12 in QEMU; about four minutes, a first time five"
	@BUILD='$(abspath $(B))' tests/run tests/vm/run

# SUITES="bookworm sid" are some of them; MIRROR is where debootstrap fetches.
.PHONY: check-matrix
check-matrix: ## build and test with the OpenSSH, 8.4 to 10.x, of each Debian release, as root
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages check-matrix
	@BUILD='$(abspath $(B))' tests/debian/matrix.sh

unit: $(UNIT_TESTS)

check-unit: unit ## run the unit tests alone; they want nothing but libcmocka
	@tests/run $(UNIT_TESTS)

sanitized:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS="$(SANITIZE)" \
	    HARDENING= unit replays $(B)/sanitized/tests/faults/faults

# What the tests reach. Left out are those that build anew, or under valgrind.
# What tests run as somebody else counts as well: they may write, too.
# __gcov_dump is for the faults program's children, which do not exit.
COVERAGE = -Og -g --coverage -Wl,-u,__gcov_dump
COVERAGE_TESTS = $(filter-out %/installing.sh %/memory.sh,$(wildcard tests/e2e/*.sh))
.PHONY: coverage coverage-run
coverage: ## line and branch coverage of sk/ and enroll/ by the tests
	@tests/install-packages coverage
	@$(MAKE) --no-print-directory $(JOBS) B=$(B)/coverage \
	    CFLAGS="$(COVERAGE)" WERROR= all tests replays
	@find $(B)/coverage -name '*.gcda' -delete
	@find $(B)/coverage -name '*.gcno' | sed 's/gcno$$/gcda/' | \
	    xargs sh -c 'touch "$$@" && chmod 666 "$$@"' sh
	@$(MAKE) --no-print-directory B=$(B)/coverage CFLAGS="$(COVERAGE)" \
	    WERROR= coverage-run
	@tests/coverage $(B)/coverage

coverage-run:
	@BUILD='$(abspath $(B))' FAULTS_COVERAGE=1 \
	    tests/run $(UNIT_TESTS) $(REPLAYS) $(COVERAGE_TESTS) || echo "(coverage counts failed tests, too)"

# Fuzz targets: replayed over their corpora by check, run by fuzz.
FUZZ = config handle helper keyfile record request tpm
FUZZ_SECONDS ?= 20
REPLAYS = $(FUZZ:%=$(B)/tests/fuzz/replay-%)
FUZZERS = $(FUZZ:%=$(B)/tests/fuzz/fuzz-%)

.PHONY: replays fuzzers fuzz
replays: $(REPLAYS)
fuzzers: $(FUZZERS)

$(B)/tests/fuzz/replay-keyfile $(B)/tests/fuzz/fuzz-keyfile: \
	$(B)/enroll/keyfile.o
# Its TPM answers in place of one that a TCTI would reach.
$(B)/tests/fuzz/replay-tpm $(B)/tests/fuzz/fuzz-tpm: FUZZ_LDFLAGS = \
	-Wl,--wrap=Tss2_TctiLdr_Initialize,--wrap=Tss2_TctiLdr_Finalize \
	-Wl,--wrap=nanosleep

$(B)/tests/fuzz/replay-%: tests/fuzz/fuzz-%.c tests/fuzz/replay.c $(OBJS) \
	$(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -Wno-missing-prototypes $(FUZZ_LDFLAGS) -o $@ \
	    $(filter %.c %.o,$^) $(PKG_LIBS)

$(B)/tests/fuzz/fuzz-%: tests/fuzz/fuzz-%.c $(OBJS) $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP \
	    -MF $@.d -fsanitize=fuzzer $(FUZZ_LDFLAGS) -o $@ $(filter %.c %.o,$^) \
	    $(PKG_LIBS)

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

# Measures; nothing passes or fails. BENCH_LOGINS is how many of each kind.
.PHONY: bench
bench: ## how long logins take, with sk-tpm and others side by side
	@tests/install-packages bench
	@$(MAKE) --no-print-directory $(JOBS) all tests
	@BUILD='$(abspath $(B))' tests/bench/run

tests: $(UNIT_TESTS) $(API_TESTS) $(TOOLS) $(TCTIS) $(PROVIDERS) \
	$(B)/tests/faults/faults

# Every fault at every command and call; check tries a part of them.
.PHONY: faults
faults: ## let every TPM command and call fail in every way (half an hour)
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests sanitized
	@BUILD='$(abspath $(B))' FAULTS_EVERY=1 tests/run tests/e2e/faults.sh

# All of sk/ and enroll/ in one program, with calls that can be made to fail.
FAULTS = $(B)/tests/faults/faults
FAULTS_OBJS = $(patsubst %.c,$(B)/%.o,$(wildcard tests/faults/*.c)) \
	$(B)/tests/faults/sk-tpm.o
$(FAULTS): $(FAULTS_OBJS) $(OBJS) $(COMMAND_OBJS) $(B)/sk/provider-10.o \
	$(B)/sk/response-10.o
	@echo "  LINK  $@"
	@$(CC) $(SK_CFLAGS) $(SK_LDFLAGS) -o $@ $$(nm $(@D)/wraps.o | \
	    sed -n 's/.* T __wrap_/-Wl,--wrap=/p') \
	    $(filter-out %/enroll/main.o,$(filter %.o,$^)) $(PKG_LIBS) \
	    $(shell $(PKG_CONFIG) --libs $(COMMAND_PACKAGES))

$(B)/tests/faults/%.o: tests/faults/%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -Ienroll -o $@ $<

# The command's main, under a name of its own.
$(B)/tests/faults/sk-tpm.o: enroll/main.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -Dmain=sk_tpm_main -Wno-missing-prototypes -o $@ $<

# What only unit tests need of the three layouts.
$(B)/tests/unit/test-abi: $(B)/tests/unit/abi-7.o $(B)/tests/unit/abi-9.o \
	$(B)/tests/unit/abi-10.o

$(B)/tests/unit/abi-%.o: tests/unit/abi.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(COMPILE) -DSK_API_MAJOR=$* -o $@ $<

$(B)/tests/tpm/test-credential $(B)/tests/tpm/test-owner: $(B)/tests/tpm/test-%: \
	tests/tpm/test-%.c $(OBJS) $(FLAGS)
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

$(B)/tests/load/%: tests/load/%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) $(SK_LDFLAGS) -MMD -MP -MF $@.d \
	    -o $@ $< -ldl

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

$(B)/tests/tools/stand-in/libtss2-tcti-%.so.0: tests/tools/tcti-%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(PKG_CFLAGS) $(SK_CFLAGS) -shared -MMD -MP \
	    -MF $(B)/tests/tools/tcti-$*.d -o $@ $< $(PKG_LIBS)

$(B)/tests/tools/provider-%.so: tests/tools/provider-%.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) $(SK_CFLAGS) -shared -MMD -MP -MF $@.d -o $@ $< \
	    -ldl -lcrypto

$(B)/tests/tools/provider-soft-api%.so: tests/tools/provider-soft.c $(FLAGS)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(SK_CPPFLAGS) -DSK_API_MAJOR=$* $(SK_CFLAGS) -shared -MMD -MP \
	    -MF $@.d -o $@ $< -ldl -lcrypto

.PHONY: lint format
C_FILES = $(wildcard sk/*.[ch] enroll/*.[ch] tests/*/*.[ch])
# What begins as a shell script does, and what such scripts include.
SH_FILES = tests/lib.sh tests/workflow.sh tests/debian/trees.sh \
	$(wildcard tests/vm/*.sh) \
	$(shell grep -rlE '^\#!/(usr/)?bin/(env bash|sh|bash)$$' \
	examples tests debian .ci)

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

.PHONY: demo deb install uninstall clean help
demo: ## install what is missing, and show the main job on a private TPM
	@tests/install-packages demo
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD='$(abspath $(B))' examples/demo

deb: ## build a Debian package below $(B)/deb, and have lintian check it
	@tests/install-packages deb
	@debian/make-deb '$(abspath $(B))/deb'

# FILE:PLACE of all that is installed; uninstall goes by the same list.
PROGRAMS = $(B)/sk-tpm:$(BINDIR)/sk-tpm \
	$(IDENTITY)/identity:$(LIBEXECDIR)/identity \
	$(IDENTITY)/sign-machine:$(LIBEXECDIR)/sign-machine
FILES = $(IDENTITY)/sk-tpm-identity.service:$(UNITDIR)/sk-tpm-identity.service \
	$(IDENTITY)/sk-tpm-identity.timer:$(UNITDIR)/sk-tpm-identity.timer \
	$(IDENTITY)/sysusers.conf:$(SYSUSERSDIR)/sk-tpm.conf \
	$(foreach f,$(LIBS),$(f):$(LIBDIR)/$(notdir $(f))) \
	$(B)/completions/bash:$(DATADIR)/bash-completion/completions/sk-tpm \
	$(B)/completions/zsh:$(ZSHDIR)/_sk-tpm \
	$(B)/completions/fish:$(DATADIR)/fish/vendor_completions.d/sk-tpm.fish \
	$(foreach f,$(PAGES),$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
	$(B)/README.md:$(DOCDIR)/README.md \
	$(B)/SECURITY.md:$(DOCDIR)/SECURITY.md \
	$(foreach f,$(EXAMPLES),$(f):$(DOCDIR)/examples/$(notdir $(f)))

install: all ## install below $(DESTDIR)$(PREFIX)
	@set -e; for f in $(PROGRAMS); do echo "  INSTALL $${f#*:}"; \
	    $(INSTALL) -D -m 0755 "$${f%%:*}" "$(DESTDIR)$${f#*:}"; done
	@set -e; for f in $(FILES); do echo "  INSTALL $${f#*:}"; \
	    $(INSTALL) -D -m 0644 "$${f%%:*}" "$(DESTDIR)$${f#*:}"; done

uninstall: ## remove what install put there
	@set -e; for f in $(PROGRAMS) $(FILES); do echo "  REMOVE $${f#*:}"; \
	    rm -f "$(DESTDIR)$${f#*:}"; done
	@for d in "$(DESTDIR)$(DOCDIR)/examples" "$(DESTDIR)$(DOCDIR)" \
	    "$(DESTDIR)$(LIBEXECDIR)"; do \
	    [ ! -d "$$d" ] || rmdir --ignore-fail-on-non-empty "$$d"; done

clean: ## remove what was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' Makefile | expand -t 14 | \
	    sed 's,$$(B),$(B),g; s,$$(DESTDIR)$$(PREFIX),$(DESTDIR)$(PREFIX),g'

# The compiler writes these; no pattern above is to make one.
DEPENDENCIES = $(wildcard $(B)/sk/*.d $(B)/enroll/*.d $(B)/tests/*/*.d)
$(DEPENDENCIES): ;
-include $(DEPENDENCIES)
