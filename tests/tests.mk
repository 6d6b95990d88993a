# What tests, measures and fuzzes. The Makefile includes this.

UNIT_TESTS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,\
	$(sort $(wildcard tests/unit/test-*.c)))
CA_TESTS = certificate ek-cert ek-chain ek-public make-credential message verify
API_TESTS = $(B)/tests/tpm/test-provider-7 $(B)/tests/tpm/test-provider-9 \
	$(B)/tests/tpm/test-provider-10 $(B)/tests/tpm/test-credential \
	$(B)/tests/tpm/test-owner
TOOLS = $(addprefix $(B)/tests/tools/,activate attest-read ek-chain make-credential \
	measure $(FPRINTD_PACKAGE:libsystemd=mock-fprintd) \
	$(FPRINTD_PACKAGE:libsystemd=mock-notifications) pcap-commands \
	print-policy print-tcti unpack verify-attestation)
# pcap is apart, to be found only where tpm2-tss has none.
TCTIS = $(patsubst tests/tools/tcti-%.c,$(B)/tests/tools/libtss2-tcti-%.so.0,\
	$(filter-out %-pcap.c,$(wildcard tests/tools/tcti-*.c))) \
	$(B)/tests/tools/stand-in/libtss2-tcti-pcap.so.0
# Libraries that are preloaded.
PRELOADS = $(B)/tests/tools/shift-clock.so
PROVIDERS = $(addprefix $(B)/tests/tools/provider-,record.so soft.so \
	soft-api9.so soft-api7.so)
FAULTS = $(B)/tests/faults/faults
FUZZ = attest-ca attest-certificate attest-chain attest-inventory \
	attest-judgement attest-machine config ek handle helper keyfile record request ticket tpm
FUZZ_SECONDS ?= 20
REPLAYS = $(FUZZ:%=$(B)/tests/fuzz/replay-%)
FUZZERS = $(FUZZ:%=$(B)/tests/fuzz/fuzz-%)

# --- goals -------------------------------------------------------------------

.PHONY: tests unit sanitized replays fuzzers
tests: $(UNIT_TESTS) $(API_TESTS) $(TOOLS) $(TCTIS) $(PRELOADS) $(PROVIDERS) $(FAULTS)
unit: $(UNIT_TESTS)
replays: $(REPLAYS)
fuzzers: $(FUZZERS)

SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
sanitized:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS="$(SANITIZE)" \
	    HARDENING= unit replays $(B)/sanitized/tests/faults/faults

# The long ones first, for none of them to be alone at the end. ONLY="e2e/login
# unit/*" are some of all, TEST_JOBS=1 is one after the other.
E2E = $(wildcard $(LONG:%=tests/e2e/%.sh)) \
	$(filter-out $(LONG:%=tests/e2e/%.sh),$(wildcard tests/e2e/*.sh))
LONG = faults ca join host-keys memory installing library machine-identity resident
.PHONY: check check-unit check-deb check-vm check-matrix check-openssh
.PHONY: check-load
check: ## install what the tests need, and run all of them, or ONLY="e2e/login unit/*"
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests sanitized
	@BUILD='$(abspath $(B))' tests/run $(REPLAYS:$(B)/%=$(B)/sanitized/%) \
	    $(E2E) $(UNIT_TESTS) $(UNIT_TESTS:$(B)/%=$(B)/sanitized/%)

check-unit: unit ## run the unit tests alone; they want nothing but libcmocka
	@tests/run $(UNIT_TESTS)

# As root, for debootstrap and chroot; says so and skips where that is not.
check-deb: ## build and use the Debian package in Debian 12 and 13, as root
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages check-deb
	@BUILD='$(abspath $(B))' tests/run tests/debian/suites.sh

# Debian with the kernel's own /dev/tpmrm0. What installs Debian has to be root.
check-vm: ## test on a kernel's own /dev/tpmrm0, in QEMU; needs root
	@[ "$$(id -u)" -eq 0 ] || { echo "sk-tpm: check-vm installs a Debian" \
	    "below $(B)/vm, which takes root: sudo make check-vm" >&2; exit 1; }
	@tests/install-packages vm
	@$(MAKE) --no-print-directory $(JOBS) all $(TCTIS)
	@echo "Booting Debian 12 in QEMU; about eight minutes, a first time ten"
	@BUILD='$(abspath $(B))' tests/run tests/vm/run

# SUITES="bookworm sid" are some of them; MIRROR is where debootstrap fetches.
check-matrix: ## build and test with the OpenSSH, 8.4 to 10.x, of each Debian release, as root
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages check-matrix
	@BUILD='$(abspath $(B))' tests/debian/matrix.sh

# In the same releases. REGRESS="agent keytype" are some of OpenSSH's tests,
# REGRESS=all those as well that know of no security keys.
check-openssh: ## OpenSSH's own regress suite, with our library as its provider, as root
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages check-matrix
	@echo "Running OpenSSH's regress suite; ten minutes for each release"
	@BUILD='$(abspath $(B))' tests/run tests/debian/openssh.sh

# What takes too long for check: SIGNATURES (100 at least), LOGINS and CONNECTIONS
# (rounded up to eights), if set, say how many.
check-load: ## 10,000 signatures, 1,000 logins, 2,000 connections; a quarter of an hour
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests $(B)/tests/load/sign-many
	@BUILD='$(abspath $(B))' tests/run tests/load/load.sh

# Every fault at every command and call; check tries a part of them.
.PHONY: faults
faults: ## let every TPM command and call fail in every way; eight minutes
	@tests/install-packages check
	@$(MAKE) --no-print-directory $(JOBS) all tests sanitized
	@BUILD='$(abspath $(B))' FAULTS_EVERY=1 tests/run tests/e2e/faults.sh

# Replayed over their corpora by check, run by this.
.PHONY: fuzz
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

# What the tests reach. Left out are those that build anew, or under valgrind.
# What tests run as somebody else counts as well: they may write, too.
# __gcov_dump is for the faults program's children, which do not exit.
COVERAGE = -Og -g --coverage -Wl,-u,__gcov_dump
COVERAGE_TESTS = $(filter-out %/installing.sh %/memory.sh,$(E2E))
.PHONY: coverage coverage-run fuzz-coverage
coverage: fuzz-coverage ## line and branch coverage of sk/ and enroll/ by the tests
	@tests/install-packages coverage
	@$(MAKE) --no-print-directory $(JOBS) B=$(B)/coverage \
	    CFLAGS="$(COVERAGE)" WERROR= all tests replays
	@find $(B)/coverage -name '*.gcda' -delete
	@find $(B)/coverage -name '*.gcno' | sed 's/gcno$$/gcda/' | \
	    xargs sh -c 'touch "$$@" && chmod 666 "$$@"' sh
	@$(MAKE) --no-print-directory B=$(B)/coverage CFLAGS="$(COVERAGE)" \
	    WERROR= coverage-run
	@tests/coverage $(B)/coverage

# A format that has changed leaves the corpora of its fuzz target behind.
fuzz-coverage: ## what each fuzz target's corpus reaches, against tests/fuzz/reached
	@tests/install-packages coverage
	@$(MAKE) --no-print-directory $(JOBS) B=$(B)/coverage \
	    CFLAGS="$(COVERAGE)" WERROR= replays
	@tests/fuzz/reach $(B)/coverage

coverage-run:
	@BUILD='$(abspath $(B))' FAULTS_COVERAGE=1 \
	    tests/run $(UNIT_TESTS) $(REPLAYS) $(COVERAGE_TESTS) || \
	    echo "(coverage counts failed tests, too)"

# Measures; nothing passes or fails. BENCH_LOGINS is how many of each kind. Those in
# a virtual machine are for root.
.PHONY: bench
bench: ## how long logins take, with sk-tpm and others side by side
	@tests/install-packages bench
	@[ "$$(id -u)" -ne 0 ] || tests/install-packages vm
	@$(MAKE) --no-print-directory $(JOBS) all tests
	@BUILD='$(abspath $(B))' tests/bench/run

# --- programs: tests ---------------------------------------------------------

CMOCKA = -lcmocka $(PKG_LIBS)

$(B)/tests/unit/test-%: tests/unit/test-%.c $(OBJS) $(FLAGS)
	$(call PROGRAM,$(TEST_LDFLAGS),$(CMOCKA))
# As a CA has them: without tpm2-tss.
$(CA_TESTS:%=$(B)/tests/unit/test-%): $(B)/tests/unit/test-%: \
	tests/unit/test-%.c $(CA_OBJS) $(FLAGS)
	$(call PROGRAM,$(TEST_LDFLAGS),-lcmocka $(CA_LIBS))
$(B)/tests/unit/test-ca-%: tests/unit/test-ca-%.c $(FLAGS) $(CA_SHARED_OBJS) \
	$(patsubst %,$(B)/enroll/ca/%.o,$(filter-out serve,$(CA_SERVICE)))
	$(call PROGRAM,$(TEST_LDFLAGS),-lcmocka $(CA_SERVICE_LIBS))
$(B)/tests/unit/test-weakness: $(B)/enroll/doctor/weakness.o
$(B)/tests/unit/test-keyfile: $(B)/enroll/keyfile.o \
	$(B)/enroll/new-file.o
$(B)/tests/unit/test-child: TEST_LDFLAGS = -Wl,--wrap=syscall
$(B)/tests/unit/test-log: TEST_LDFLAGS = -Wl,--wrap=syslog,--wrap=__syslog_chk
$(B)/tests/unit/test-signdata: TEST_LDFLAGS = -Wl,--wrap=EVP_MD_CTX_new
$(B)/tests/unit/test-caller: TEST_LDFLAGS = -Wl,--wrap=getpwuid
$(B)/tests/unit/test-known-hosts: TEST_LDFLAGS = -Wl,--wrap=HMAC
$(B)/tests/unit/test-presence: TEST_LDFLAGS = -Wl,--wrap=clock_deadline
$(B)/tests/unit/test-session: TEST_LDFLAGS = \
	-Wl,--wrap=Tss2_TctiLdr_Initialize,--wrap=Tss2_TctiLdr_Finalize \
	-Wl,--wrap=Esys_StartAuthSession,--wrap=Esys_TRSess_SetAttributes \
	-Wl,--wrap=Esys_TR_SetAuth,--wrap=Esys_FlushContext,--wrap=nanosleep
$(B)/tests/unit/test-bare: TEST_LDFLAGS = \
	-Wl,--wrap=Tss2_TctiLdr_Initialize,--wrap=Tss2_TctiLdr_Finalize \
	-Wl,--wrap=nanosleep
$(B)/tests/unit/test-terminal: TEST_LDFLAGS = -Wl,--wrap=poll
$(B)/tests/unit/test-device: TEST_LDFLAGS = -Wl,--wrap=nanosleep
$(B)/tests/unit/test-tpm: TEST_LDFLAGS = \
	-Wl,--wrap=Tss2_TctiLdr_Initialize,--wrap=Tss2_TctiLdr_Finalize \
	-Wl,--wrap=device_check,--wrap=device_lock
$(B)/tests/unit/test-tcti-device: TEST_LDFLAGS = -Wl,--wrap=device_open
$(B)/tests/unit/test-tcti-watch: TEST_LDFLAGS = -Wl,--wrap=clock_deadline
$(B)/tests/unit/test-certificate: TEST_LDFLAGS = \
	-Wl,--wrap=EVP_MD_CTX_new,--wrap=EVP_Digest
$(B)/tests/unit/test-ek-public: TEST_LDFLAGS = \
	-Wl,--wrap=malloc,--wrap=d2i_PUBKEY
$(B)/tests/unit/test-ek-chain: TEST_LDFLAGS = \
	-Wl,--wrap=calloc,--wrap=OPENSSL_sk_new_null,--wrap=OPENSSL_sk_dup \
	-Wl,--wrap=OPENSSL_sk_push,--wrap=BIO_new_mem_buf,--wrap=OBJ_txt2obj \
	-Wl,--wrap=ASN1_TIME_to_tm \
	-Wl,--wrap=X509_STORE_new,--wrap=X509_STORE_CTX_new \
	-Wl,--wrap=X509_STORE_add_cert
$(B)/tests/unit/test-message: TEST_LDFLAGS = \
	-Wl,--wrap=malloc,--wrap=EVP_Digest,--wrap=HMAC
$(B)/tests/unit/test-make-credential: TEST_LDFLAGS = -Wl,--wrap=malloc \
	-Wl,--wrap=EVP_Digest,--wrap=HMAC,--wrap=RAND_bytes,--wrap=CRYPTO_memdup \
	-Wl,--wrap=d2i_PUBKEY,--wrap=EVP_PKEY_CTX_new,--wrap=EVP_PKEY_encrypt_init \
	-Wl,--wrap=EVP_PKEY_encrypt,--wrap=EVP_PKEY_keygen_init \
	-Wl,--wrap=EVP_PKEY_keygen,--wrap=EVP_PKEY_derive_init \
	-Wl,--wrap=EVP_PKEY_derive_set_peer,--wrap=EVP_PKEY_derive \
	-Wl,--wrap=EVP_CIPHER_CTX_new,--wrap=EVP_EncryptInit_ex \
	-Wl,--wrap=EVP_EncryptUpdate
# What only unit tests need of the three layouts.
$(B)/tests/unit/test-abi: $(B)/tests/unit/abi-7.o $(B)/tests/unit/abi-9.o \
	$(B)/tests/unit/abi-10.o
$(B)/tests/unit/abi-%.o: tests/unit/abi.c $(FLAGS)
	$(call OBJECT,-DSK_API_MAJOR=$*)

$(B)/tests/tpm/test-%: tests/tpm/test-%.c $(OBJS) $(FLAGS)
	$(call PROGRAM,,$(CMOCKA))
# As ssh-sk-helper has it: the library, loaded.
$(B)/tests/tpm/test-provider-%: tests/tpm/test-provider.c $(FLAGS)
	$(call PROGRAM,-DSK_API_MAJOR=$*,-lcmocka -lcrypto -ldl)

$(B)/tests/load/%: tests/load/%.c $(FLAGS)
	$(call PROGRAM,,-ldl)

# All of sk/ and enroll/ in one program, with calls that can be made to fail. Of
# the command, main has another name.
FAULTS_OBJS = $(patsubst %.c,$(B)/%.o,$(wildcard tests/faults/*.c)) \
	$(B)/tests/faults/sk-tpm.o
$(FAULTS): $(FAULTS_OBJS) $(sort $(OBJS) $(CA_OBJS)) $(filter-out %/main.o,$(COMMAND_OBJS)) \
	$(B)/sk/provider-10.o $(B)/sk/response-10.o $(FLAGS)
	$(call PROGRAM,$$(nm $(@D)/wraps.o | \
	    sed -n 's/.* T __wrap_/-Wl$(comma)--wrap=/p'),$(COMMAND_LIBS))
$(B)/tests/faults/%.o: tests/faults/%.c $(FLAGS)
	$(call OBJECT)
$(B)/tests/faults/sk-tpm.o: enroll/main.c $(FLAGS)
	$(call OBJECT,-Dmain=sk_tpm_main -Wno-missing-prototypes)
comma = ,

# --- programs: fuzzing -------------------------------------------------------

$(B)/tests/fuzz/replay-%: tests/fuzz/fuzz-%.c tests/fuzz/replay.c $(OBJS) \
	$(FLAGS)
	$(call PROGRAM,-Wno-missing-prototypes $(FUZZ_LDFLAGS),$(PKG_LIBS))
$(B)/tests/fuzz/fuzz-%: tests/fuzz/fuzz-%.c $(OBJS) $(FLAGS)
	$(call PROGRAM,-fsanitize=fuzzer $(FUZZ_LDFLAGS),$(PKG_LIBS))
# As a CA has them.
$(B)/tests/fuzz/replay-attest-%: tests/fuzz/fuzz-attest-%.c \
	tests/fuzz/replay.c $(CA_OBJS) $(FLAGS)
	$(call PROGRAM,-Wno-missing-prototypes,$(CA_LIBS))
$(B)/tests/fuzz/fuzz-attest-%: tests/fuzz/fuzz-attest-%.c $(CA_OBJS) $(FLAGS)
	$(call PROGRAM,-fsanitize=fuzzer,$(CA_LIBS))
$(B)/tests/fuzz/replay-keyfile $(B)/tests/fuzz/fuzz-keyfile: \
	$(B)/enroll/keyfile.o $(B)/enroll/new-file.o
# What a CA has of its own.
$(addprefix $(B)/tests/fuzz/replay-attest-,machine judgement inventory) \
    $(addprefix $(B)/tests/fuzz/fuzz-attest-,machine judgement inventory): \
    $(patsubst %,$(B)/enroll/ca/%.o,evidence inventory judgement settings unix-socket) \
    $(patsubst %,$(B)/sk/base/%.o,clock duration)
# Its TPM answers in place of one that a TCTI would reach.
$(B)/tests/fuzz/replay-tpm $(B)/tests/fuzz/fuzz-tpm: FUZZ_LDFLAGS = \
	-Wl,--wrap=Tss2_TctiLdr_Initialize,--wrap=Tss2_TctiLdr_Finalize \
	-Wl,--wrap=nanosleep

# --- programs: tools ---------------------------------------------------------

$(B)/tests/tools/%: tests/tools/%.c $(FLAGS)
	$(call PROGRAM,,$(TOOL_LIBS))
# libfido2's fido.h, not ours.
$(B)/tests/tools/verify-attestation: private SK_CPPFLAGS = -D_GNU_SOURCE $(CPPFLAGS)
$(B)/tests/tools/verify-attestation: TOOL_LIBS = -lfido2 -lcrypto
$(B)/tests/tools/mock-fprintd: TOOL_LIBS = -lsystemd
$(B)/tests/tools/mock-notifications: TOOL_LIBS = -lsystemd
$(B)/tests/tools/activate: $(OBJS) $(B)/enroll/keyfile.o $(B)/enroll/new-file.o
$(B)/tests/tools/activate: TOOL_LIBS = $(PKG_LIBS)
CA_TOOLS = $(addprefix $(B)/tests/tools/,attest-read ek-chain make-credential)
$(CA_TOOLS): $(CA_OBJS)
$(CA_TOOLS): TOOL_LIBS = $(CA_LIBS)
$(B)/tests/tools/print-policy $(B)/tests/tools/print-tcti $(B)/tests/tools/unpack: $(OBJS)
$(B)/tests/tools/print-policy $(B)/tests/tools/print-tcti $(B)/tests/tools/unpack: TOOL_LIBS = $(PKG_LIBS)

$(B)/tests/tools/libtss2-tcti-%.so.0: tests/tools/tcti-%.c $(FLAGS)
	$(call PROGRAM,-shared,$(PKG_LIBS))
$(B)/tests/tools/stand-in/libtss2-tcti-%.so.0: tests/tools/tcti-%.c $(FLAGS)
	$(call PROGRAM,-shared,$(PKG_LIBS))

$(PRELOADS): $(B)/tests/tools/%.so: tests/tools/%.c $(FLAGS)
	$(call PROGRAM,-shared)
$(B)/tests/tools/provider-%.so: tests/tools/provider-%.c $(FLAGS)
	$(call PROGRAM,-shared,-ldl -lcrypto)
$(B)/tests/tools/provider-soft-api%.so: tests/tools/provider-soft.c $(FLAGS)
	$(call PROGRAM,-shared -DSK_API_MAJOR=$*,-ldl -lcrypto)
