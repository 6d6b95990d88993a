/* SPDX-License-Identifier: ISC */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/sandbox.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

#ifdef ARCHITECTURE

#define MEMORY_MAX (256u * 1024 * 1024)
#define CPU_SECONDS 10

#define OFFSET(member) ((uint32_t)offsetof(struct seccomp_data, member))
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OFFSET(member))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define IF_CALL(number, what) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ANSWER(what)
#define ALLOW(name) IF_CALL(SYS_##name, SECCOMP_RET_ALLOW)
#define FAILS(name) IF_CALL(SYS_##name, SECCOMP_RET_ERRNO | EACCES)

static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	ALLOW(read),
	ALLOW(write),
	ALLOW(close),
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW(rt_sigreturn),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(brk),
#ifdef SYS_mmap
	ALLOW(mmap),
#endif
#ifdef SYS_mmap2
	ALLOW(mmap2),
#endif
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(futex),
#ifdef SYS_time
	ALLOW(time),
#endif
	ALLOW(gettimeofday),
	ALLOW(clock_gettime),
#ifdef SYS_clock_gettime64
	ALLOW(clock_gettime64),
#endif
	ALLOW(getrandom),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(sched_yield),
	/* OpenSSL may look for its configuration, and the C library for zones.
	 */
	FAILS(openat),
#ifdef SYS_open
	FAILS(open),
#endif
#ifdef SYS_newfstatat
	FAILS(newfstatat),
#endif
#ifdef SYS_fstat
	FAILS(fstat),
#endif
	FAILS(ioctl),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
};

static int
limit(int what, rlim_t most)
{
	const struct rlimit limit = { most, most };

	return setrlimit((__rlimit_resource_t)what, &limit);
}

int
sandbox_enter(void)
{
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0) != 0 || limit(RLIMIT_CORE, 0) != 0 ||
	    limit(RLIMIT_FSIZE, 0) != 0 || limit(RLIMIT_NPROC, 0) != 0 ||
	    limit(RLIMIT_CPU, CPU_SECONDS) != 0 ||
#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes of addresses */
	    limit(RLIMIT_AS, MEMORY_MAX) != 0 ||
#endif
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return fail(FAIL_INTERNAL,
		    "cannot confine a process by seccomp: %s", strerror(errno));
	return 0;
}

#else

int
sandbox_enter(void)
{
	return fail(FAIL_INTERNAL,
	    "no seccomp filter was written for this architecture");
}

#endif
