#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clinux.h"

enum { most_descriptors = 64, stack_size = 64 << 10 };

// P_PIDFD, which Debian 12's headers do not name for waitid.
static const idtype_t kind_pidfd = (idtype_t)3;

// The thread sanitizer keeps books in the memory the child would share, and dies of it.
#if __has_feature(thread_sanitizer)
static const int memory_flag = 0;
#else
static const int memory_flag = CLONE_VM;
#endif

/// What the child reads and where it leaves its failure; the memory is shared until it execs.
struct start {
    const struct cgate_spawn_request *request;
    int failed_step;
    int code;
};

// Everything from here to `run_child` happens in the child, in the parent's memory, while the
// parent's thread sleeps (CLONE_VM | CLONE_VFORK) and its other threads go on. Therefore: plain
// system calls only, no allocation, no lock, and no glibc wrapper that talks to other threads.
// In particular glibc's setuid family signals every thread of the *parent*; the raw calls do not.

static int reset_signals(void) {
    // The kernel's struct, all zero: SIG_DFL, no flags, an empty mask. glibc's own call leaves its
    // two internal signals out, which then stay ignored if whoever started us ignored them.
    const unsigned long standard[4] = {0};
    for (int number = 1; number < NSIG; number++) {
        // SIGKILL and SIGSTOP refuse; they are at their defaults.
        syscall(SYS_rt_sigaction, number, standard, NULL, sizeof(unsigned long));
    }
    const unsigned long none = 0;
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none) < 0 ? -errno : 0;
}

static int close_between(unsigned first, unsigned last) {
    if (first > last) return 0;
    return syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int arrange_descriptors(const struct cgate_spawn_request *request) {
    int copies[most_descriptors];
    int count = request->descriptor_count;
    int above = 3;
    for (int index = 0; index < count; index++) {
        if (request->targets[index] >= above) above = request->targets[index] + 1;
    }
    // First away from all targets, or one target could overwrite the next source.
    for (int index = 0; index < count; index++) {
        copies[index] = fcntl(request->sources[index], F_DUPFD_CLOEXEC, above);
        if (copies[index] < 0) return -errno;
    }
    for (int index = 0; index < count; index++) {
        if (dup2(copies[index], request->targets[index]) < 0) return -errno;
    }
    // Whatever else is open, closed on exec or not, ends with the exec: each gap between targets.
    unsigned next = 0;
    for (;;) {
        unsigned nearest = ~0u;
        for (int index = 0; index < count; index++) {
            unsigned target = (unsigned)request->targets[index];
            if (target >= next && target < nearest) nearest = target;
        }
        if (nearest == ~0u) return close_between(next, ~0u);
        int status = nearest > 0 ? close_between(next, nearest - 1) : 0;
        if (status < 0) return status;
        next = nearest + 1;
    }
}

static int set_limits(const struct cgate_spawn_request *request) {
    struct rlimit limit;
    if (request->open_file_limit == 0) return 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    limit.rlim_cur = request->open_file_limit;
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int take_identity(const struct cgate_spawn_request *request) {
    if (!request->has_identity) return 0;
    long count = request->group_count;
    if (syscall(SYS_setgroups, count, request->groups) < 0) return -errno;
    gid_t group = request->group;
    if (syscall(SYS_setresgid, group, group, group) < 0) return -errno;
    uid_t user = request->user;
    if (syscall(SYS_setresuid, user, user, user) < 0) return -errno;
    return 0;
}

static int drop_privileges(const struct cgate_spawn_request *request) {
    // After the change of identity, which clears it.
    if (request->dies_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
    if (request->gains_no_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    return 0;
}

static int attempt(const struct cgate_spawn_request *request, int *step) {
    int status = reset_signals();
    *step = CGATE_STEP_SESSION;
    if (status == 0 && request->starts_session && setsid() < 0) status = -errno;
    if (status < 0) return status;
    *step = CGATE_STEP_DESCRIPTORS;
    if ((status = arrange_descriptors(request)) < 0) return status;
    *step = CGATE_STEP_LIMITS;
    if ((status = set_limits(request)) < 0) return status;
    *step = CGATE_STEP_IDENTITY;
    if ((status = take_identity(request)) < 0) return status;
    *step = CGATE_STEP_DIRECTORY;
    if (request->directory && chdir(request->directory) < 0) return -errno;
    *step = CGATE_STEP_PRIVILEGES;
    if ((status = drop_privileges(request)) < 0) return status;
    *step = CGATE_STEP_EXECUTE;
    execve(request->path, request->arguments, request->environment);
    return -errno;
}

static int run_child(void *context) {
    struct start *start = context;
    int step = 0;
    start->code = attempt(start->request, &step);
    start->failed_step = step;
    _exit(127);
}

static int clone_child(struct start *start, char *stack, int *pid) {
    int pidfd = -1;
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child's first moments, on memory that is the parent's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int flags = memory_flag | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    int child = clone(run_child, stack + stack_size, flags, start, &pidfd);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return -code;
    *pid = child;
    return pidfd;
}

int cgate_spawn(const struct cgate_spawn_request *request, int *pid, int *step) {
    *pid = -1;
    *step = CGATE_STEP_DESCRIPTORS;
    if (request->descriptor_count < 0 || request->descriptor_count > most_descriptors)
        return -EINVAL;
    for (int index = 0; index < request->descriptor_count; index++) {
        if (request->targets[index] < 0 || request->targets[index] > 4095) return -EINVAL;
    }
    *step = CGATE_STEP_CLONE;
    int protection = PROT_READ | PROT_WRITE;
    int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
    char *stack = mmap(NULL, stack_size, protection, kind, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    // Shared, so that the failure is seen here whether or not all memory is.
    int shared = MAP_SHARED | MAP_ANONYMOUS;
    struct start *start = mmap(NULL, sizeof *start, protection, shared, -1, 0);
    if (start == MAP_FAILED) {
        int code = errno;
        munmap(stack, stack_size);
        return -code;
    }
    *start = (struct start){.request = request};
    int pidfd = clone_child(start, stack, pid);
    int code = start->code;
    *step = start->failed_step;
    munmap(start, sizeof *start);
    munmap(stack, stack_size);
    if (pidfd < 0) *step = CGATE_STEP_CLONE;
    if (pidfd < 0 || code == 0) return pidfd;
    // It is in _exit by now, so that this wait is short.
    siginfo_t facts;
    while (waitid(kind_pidfd, (id_t)pidfd, &facts, WEXITED) < 0 && errno == EINTR) {}
    close(pidfd);
    *pid = -1;
    return code;
}

int cgate_reap(int pidfd, int *is_signal, int *value) {
    siginfo_t facts = {0};
    int status;
    do {
        status = waitid(kind_pidfd, (id_t)pidfd, &facts, WEXITED | WNOHANG);
    } while (status < 0 && errno == EINTR);
    if (status < 0) return -errno;
    if (facts.si_pid == 0) return 0;
    *is_signal = facts.si_code != CLD_EXITED;
    *value = facts.si_status;
    return 1;
}

int cgate_pidfd_open(int pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int cgate_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int cgate_hide_memory(void) {
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int cgate_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int index = 0; index < count; index++) {
        if (sigaddset(&set, signals[index]) < 0) return -errno;
    }
    int code = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (code != 0) return -code;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cgate_next_signal(int fd) {
    struct signalfd_siginfo facts;
    for (;;) {
        ssize_t count = read(fd, &facts, sizeof facts);
        if (count == sizeof facts) return (int)facts.ssi_signo;
        if (count >= 0) return -EAGAIN;
        if (errno != EINTR) return -errno;
    }
}

int cgate_ignore_sigpipe(void) {
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

// Without this each message of a megabyte is mapped, faulted in page by page and unmapped again:
// a quarter of the time that such a message takes.
void cgate_keep_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 3 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

void cgate_give_memory_back(void) { malloc_trim(0); }
