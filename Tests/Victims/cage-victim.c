// Tries what a cage forbids and says what happened: cage-victim ACT...
// One line per act, `ACT: RESULT`, where RESULT is `ok`, an errno's name, a number or `killed N`.
// Each act runs in a process of its own, because some do not survive it.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *outcome(long result)
{
    return result >= 0 ? "ok" : strerrorname_np(errno);
}

static const char *open_as(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return outcome(-1);
    char byte = 'x';
    if ((flags & O_ACCMODE) == O_RDONLY) {
        struct stat status;
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
            return "ok";
        ssize_t count = read(fd, &byte, 1);
        return count == 0 ? "empty" : outcome(count);
    }
    return outcome(write(fd, &byte, 1));
}

static long count_entries(const char *path, int numbers_only)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    long count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (!numbers_only || (entry->d_name[0] >= '0' && entry->d_name[0] <= '9'))
            count++;
    }
    closedir(folder);
    return count;
}

// Children that only wait, until there can be no more.
static long fork_until_refused(void)
{
    long count = 0;
    for (; count < 5000; count++) {
        pid_t child = fork();
        if (child < 0)
            return count;
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
    }
    return count;
}

// Megabytes that fit into new files of one megabyte below a folder.
static long fill(const char *folder)
{
    static char block[1 << 20];
    long count = 0;
    for (; count < 1000; count++) {
        char name[256];
        snprintf(name, sizeof name, "%s/fill-%ld", folder, count);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0 || write(fd, block, sizeof block) != (ssize_t)sizeof block)
            break;
        close(fd);
    }
    for (long index = 0; index <= count; index++) {
        char name[256];
        snprintf(name, sizeof name, "%s/fill-%ld", folder, index);
        unlink(name);
    }
    return count;
}

static long open_descriptors(void)
{
    long count = 0;
    for (int fd = 3; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static long interfaces(void)
{
    struct if_nameindex *list = if_nameindex();
    long count = 0;
    for (struct if_nameindex *at = list; at != NULL && at->if_index != 0; at++)
        count += strcmp(at->if_name, "lo") != 0;
    return list == NULL ? -1 : count;
}

static long status_number(const char *field)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtol(line + strlen(field) + 1, NULL, 16);
    }
    return value;
}

static void say(const char *act, const char *result)
{
    printf("%s: %s\n", act, result);
}

static void say_number(const char *act, long number)
{
    if (number < 0)
        say(act, outcome(-1));
    else
        printf("%s: %ld\n", act, number);
}

#define TRY(name, expression)                                                                      \
    if (strcmp(act, name) == 0)                                                                    \
        return say(act, outcome(expression));

static void processes(const char *act)
{
    TRY("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0))
    TRY("process_vm_readv", syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0))
    TRY("pidfd_getfd", syscall(SYS_pidfd_getfd, -1, 0, 0))
    TRY("kill-1", kill(1, SIGKILL))
    TRY("setuid-0", setuid(0))
    TRY("clone-user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))
    TRY("clone3", syscall(SYS_clone3, 0, 0))
    TRY("unshare-user", unshare(CLONE_NEWUSER))
    TRY("unshare-net", unshare(CLONE_NEWNET))
    TRY("setns", setns(0, 0))
    TRY("personality", personality(ADDR_NO_RANDOMIZE))
    TRY("call-9999", syscall(9999))
    TRY("call-471", syscall(471))
    TRY("call-x32", syscall(0x40000000 + 39))
#if defined(__x86_64__)
    if (strcmp(act, "call-i386") == 0) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory"); // getpid
        return say_number(act, result);
    }
#endif
    if (strcmp(act, "fork-bomb") == 0)
        return say_number(act, fork_until_refused());
    if (strcmp(act, "pid") == 0)
        return say_number(act, getppid());
    say(act, "unknown act");
}

static void kernel(const char *act)
{
    TRY("mount", mount("none", "/tmp", "tmpfs", 0, NULL))
    TRY("umount", umount("/tmp"))
    TRY("chroot", chroot("/tmp"))
    TRY("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"))
    TRY("open_tree", syscall(SYS_open_tree, -100, "/", 0))
    TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0))
    TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0))
    TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3))
    TRY("bpf", syscall(SYS_bpf, 0, 0, 0))
    TRY("perf_event_open", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0))
    TRY("userfaultfd", syscall(SYS_userfaultfd, 0))
    TRY("io_uring", syscall(SYS_io_uring_setup, 1, 0))
    TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, 0, 0))
    TRY("sethostname", sethostname("x", 1))
    TRY("syslog", syscall(SYS_syslog, 10, 0, 0))
    TRY("tiocsti", ioctl(0, TIOCSTI, "x"))
    // The kernel looks at 32 bits of the request; a filter that compares 64 is passed (CVE-2019-10063).
    TRY("tiocsti-high", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x"))
    TRY("tioclinux-high", syscall(SYS_ioctl, 0, 0xffffffff00000000UL | 0x541c, "x"))
    TRY("winsize", ioctl(0, TIOCGWINSZ, (char[64]){0}))
    processes(act);
}

static void resources(const char *act)
{
    if (strcmp(act, "descriptors") == 0)
        return say_number(act, open_descriptors());
    if (strcmp(act, "interfaces") == 0)
        return say_number(act, interfaces());
    if (strcmp(act, "visible-processes") == 0)
        return say_number(act, count_entries("/proc", 1));
    if (strcmp(act, "uid") == 0)
        return say_number(act, getuid());
    if (strcmp(act, "capabilities") == 0)
        return say_number(act, status_number("CapEff") | status_number("CapPrm") |
                                   status_number("CapInh") | status_number("CapAmb"));
    if (strcmp(act, "no-new-privs") == 0)
        return say_number(act, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    if (strcmp(act, "big-file") == 0) {
        signal(SIGXFSZ, SIG_IGN);
        int fd = open("/tmp/big", O_CREAT | O_WRONLY, 0600);
        return say(act, outcome(ftruncate(fd, 33L << 20)));
    }
    if (strcmp(act, "file-at-limit") == 0) {
        int fd = open("/tmp/limit", O_CREAT | O_WRONLY, 0600);
        return say(act, outcome(ftruncate(fd, 32L << 20)));
    }
    if (strcmp(act, "core") == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        return say_number(act, (long)limit.rlim_max);
    }
    if (strcmp(act, "environment") == 0) {
        for (char **entry = environ; *entry != NULL; entry++)
            say(act, *entry);
        return;
    }
    kernel(act);
}

static void perform(const char *act)
{
    if (strncmp(act, "read:", 5) == 0)
        return say(act, open_as(act + 5, O_RDONLY));
    if (strncmp(act, "write:", 6) == 0)
        return say(act, open_as(act + 6, O_WRONLY | O_CREAT));
    if (strncmp(act, "stat:", 5) == 0) {
        struct stat status;
        return say(act, outcome(lstat(act + 5, &status)));
    }
    if (strncmp(act, "count:", 6) == 0)
        return say_number(act, count_entries(act + 6, 0));
    if (strncmp(act, "fill:", 5) == 0)
        return say_number(act, fill(act + 5));
    if (strncmp(act, "socket:", 7) == 0) {
        // socket(2) alone, never connected to anything
        long family = 0, type = 0, protocol = 0;
        sscanf(act + 7, "%li,%li,%li", &family, &type, &protocol);
        return say(act, outcome(syscall(SYS_socket, family, type, protocol)));
    }
    if (strncmp(act, "exit:", 5) == 0)
        exit(atoi(act + 5));
    resources(act);
}

int main(int count, char **acts)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int index = 1; index < count; index++) {
        if (strncmp(acts[index], "exit:", 5) == 0)
            perform(acts[index]);
        pid_t child = fork();
        if (child == 0) {
            perform(acts[index]);
            exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) < 0)
            say(acts[index], "no child");
        else if (WIFSIGNALED(status))
            printf("%s: killed %d\n", acts[index], WTERMSIG(status));
    }
    return 0;
}
