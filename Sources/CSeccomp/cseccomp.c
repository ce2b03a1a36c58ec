#define _GNU_SOURCE
#include "cseccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

cseccomp_filter *cseccomp_create(int error)
{
    scmp_filter_ctx context =
        seccomp_init(error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)error));
    if (context == NULL)
        return NULL;
    // A 32-bit call from 64-bit code would otherwise be judged by the wrong numbers. The binary
    // tree (optimisation 2) makes a common call cost about 8 comparisons instead of about 100.
    if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
        seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0) {
        seccomp_release(context);
        return NULL;
    }
    return context;
}

void cseccomp_free(cseccomp_filter *filter)
{
    seccomp_release(filter);
}

int cseccomp_number(const char *name)
{
    return seccomp_syscall_resolve_name(name);
}

int cseccomp_deny(
    cseccomp_filter *filter, int number, int error, const struct cseccomp_argument *arguments,
    uint32_t count)
{
    struct scmp_arg_cmp comparisons[6];
    if (count > 6 || error < 1 || error > 4095)
        return -EINVAL;
    for (uint32_t at = 0; at < count; at++) {
        comparisons[at].arg = arguments[at].index;
        comparisons[at].datum_a = arguments[at].value;
        comparisons[at].datum_b = 0;
        switch (arguments[at].comparison) {
        case CSECCOMP_EQUAL: comparisons[at].op = SCMP_CMP_EQ; break;
        case CSECCOMP_NOT_EQUAL: comparisons[at].op = SCMP_CMP_NE; break;
        case CSECCOMP_GREATER_OR_EQUAL: comparisons[at].op = SCMP_CMP_GE; break;
        case CSECCOMP_MASKED_EQUAL:
            comparisons[at].op = SCMP_CMP_MASKED_EQ;
            comparisons[at].datum_a = arguments[at].mask;
            comparisons[at].datum_b = arguments[at].value;
            break;
        default: return -EINVAL;
        }
    }
    return seccomp_rule_add_array(
        filter, SCMP_ACT_ERRNO((uint32_t)error), number, count, comparisons);
}

int cseccomp_allow(cseccomp_filter *filter, int number)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 0, NULL);
}

int64_t cseccomp_export(const cseccomp_filter *filter, void *bytes, uint64_t capacity)
{
    // This version of the library exports to descriptors only.
    int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int64_t result = seccomp_export_bpf((scmp_filter_ctx)filter, fd);
    if (result == 0) {
        off_t length = lseek(fd, 0, SEEK_END);
        if (length < 0)
            result = -errno;
        else if ((uint64_t)length > capacity)
            result = -EMSGSIZE;
        else
            result = pread(fd, bytes, (size_t)length, 0) == length ? length : -EIO;
    }
    close(fd);
    return result;
}

int cseccomp_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? -errno : (int)version;
}
