// PID 1 of a cage: checks that the cage is closed, starts the server, reaps, forwards, dies last.
//
// Freestanding (no libc), because it is bound into a file system that need not have one, and small,
// because it runs beside what it guards. bubblewrap execs it with --as-pid-1 after the namespaces,
// the mounts and the seccomp filter are in place, so everything here runs under that filter.
//
// Descriptors: 0-2 of the server, 3 the control socket, 4 the launch block. The launch block holds
// argv and environment of the server, so that neither stands in a command line or an environment
// that the host's other users, or PID 1 itself, could be asked for.
//
// INVARIANT: the layouts below are read by Sources/Sandbox/Launch/InitProtocol.swift.

#include "control.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/landlock.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/types.h>

// ---- what the gateway reads ----

enum { LAUNCH = 4 };

enum stage {
    STAGE_SELF = 1,   // non-dumpable, descriptors, signals
    STAGE_BLOCK = 2,  // the launch block is not what init expects
    STAGE_LAYERS = 3, // a required layer is not there
    STAGE_LIMITS = 4, // a resource limit could not be set
    STAGE_FORK = 5,
    STAGE_FOLDER = 6, // the working directory
    STAGE_EXEC = 7,
    STAGE_EGRESS = 8,
    STAGE_LANDLOCK = 9, // its rules were asked for and could not be set
};

enum layer {
    LAYER_PID_NAMESPACE = 1 << 0,
    LAYER_NO_NEW_PRIVILEGES = 1 << 1,
    LAYER_SECCOMP = 1 << 2,
    LAYER_NO_CAPABILITIES = 1 << 3,
    LAYER_NOT_ROOT = 1 << 4,
    LAYER_NOT_DUMPABLE = 1 << 5,
};

static void report(__u32 kind, __u32 detail, __s32 code)
{
    struct report_message message = {kind, detail, code, 0};
    long written;
    do {
        written = CALL(write, CONTROL, &message, sizeof message, 0, 0, 0);
    } while (written == -EINTR);
}

static __attribute__((noreturn)) void leave(int status)
{
    for (;;)
        CALL(exit_group, status, 0, 0, 0, 0, 0);
}

static __attribute__((noreturn)) void fail(enum stage stage, long error)
{
    report(REPORT_FAILED, stage, (__s32)error);
    leave(126);
}

// ---- the launch block ----

struct launch_header {
    char magic[8]; // "GHINIT2\0"
    __u32 byte_count;
    __u32 required; // layers
    __u32 limit_count;
    __u32 argument_count;
    __u32 variable_count;
    __u32 egress_port; // 0: no way out, or gatehouse-stage made it
    __u32 path_count; // Landlock: rules for files, then
    __u32 port_count; // rules for TCP ports
    __u32 has_landlock;
    __u32 zero;
    struct {
        __u64 files, network, scopes; // struct landlock_ruleset_attr
    } handled;
};

// In the order of the paths among the texts.
struct launch_path {
    __u64 access;
};

struct launch_port {
    __u64 access;
    __u64 port;
};

struct launch_limit {
    __u32 resource;
    __u32 zero;
    __u64 soft;
    __u64 hard;
};

// After the header, limits, paths and ports: folder, executable, arguments, variables and the paths'
// names, each ended by NUL.
struct launch {
    const struct launch_header *header;
    const struct launch_limit *limits;
    const struct launch_path *paths;
    const struct launch_port *ports;
    const char *folder;
    const char *executable;
    char **arguments;
    char **variables;
    char **names;
};

static const char *next_text(const char **at, const char *end)
{
    const char *text = *at;
    for (const char *scan = text; scan < end; scan++) {
        if (*scan == 0) {
            *at = scan + 1;
            return text;
        }
    }
    fail(STAGE_BLOCK, EINVAL);
}

static void *map(unsigned long byte_count, int flags, int descriptor)
{
    long result = CALL(mmap, 0, byte_count, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (result < 0 && result > -4096)
        fail(STAGE_BLOCK, -result);
    return (void *)result;
}

static char **text_list(const char **at, const char *end, __u32 count)
{
    char **list = map((count + 1UL) * sizeof *list, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (__u32 index = 0; index < count; index++)
        list[index] = (char *)next_text(at, end);
    list[count] = 0;
    return list;
}

static struct launch read_launch(void)
{
    long size = CALL(lseek, LAUNCH, 0, 2 /* SEEK_END */, 0, 0, 0);
    if (size < (long)sizeof(struct launch_header) || size > 4L << 20)
        fail(STAGE_BLOCK, size < 0 ? -size : EINVAL);
    const char *start = map((unsigned long)size, MAP_PRIVATE, LAUNCH);
    const char *end = start + size;

    struct launch launch = {.header = (const struct launch_header *)start};
    static const char magic[8] = "GHINIT2";
    for (int index = 0; index < 8; index++) {
        if (launch.header->magic[index] != magic[index])
            fail(STAGE_BLOCK, EINVAL);
    }
    const struct launch_header *header = launch.header;
    if (header->byte_count != (unsigned long)size || header->limit_count > 32 ||
        header->argument_count < 1 || header->argument_count > 4096 ||
        header->variable_count > 4096 || header->path_count > 1024 || header->port_count > 1024)
        fail(STAGE_BLOCK, EINVAL);
    unsigned long paths = sizeof *header + header->limit_count * sizeof(struct launch_limit);
    unsigned long ports = paths + header->path_count * sizeof(struct launch_path);
    unsigned long texts = ports + header->port_count * sizeof(struct launch_port);
    if (texts > (unsigned long)size)
        fail(STAGE_BLOCK, EINVAL);

    launch.limits = (const struct launch_limit *)(start + sizeof *header);
    launch.paths = (const struct launch_path *)(start + paths);
    launch.ports = (const struct launch_port *)(start + ports);
    const char *at = start + texts;
    launch.folder = next_text(&at, end);
    launch.executable = next_text(&at, end);
    launch.arguments = text_list(&at, end, header->argument_count);
    launch.variables = text_list(&at, end, header->variable_count);
    launch.names = text_list(&at, end, header->path_count);
    return launch;
}

// ---- is the cage closed? ----

static int has_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (CALL(capget, &header, data, 0, 0, 0, 0) < 0)
        return 1;
    return (data[0].effective | data[1].effective | data[0].permitted | data[1].permitted |
            data[0].inheritable | data[1].inheritable) != 0;
}

static __u32 layers_seen(void)
{
    __u32 seen = 0;
    if (CALL(getpid, 0, 0, 0, 0, 0, 0) == 1)
        seen |= LAYER_PID_NAMESPACE;
    if (CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1)
        seen |= LAYER_NO_NEW_PRIVILEGES;
    if (CALL(prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) == 2)
        seen |= LAYER_SECCOMP;
    if (!has_capabilities())
        seen |= LAYER_NO_CAPABILITIES;
    if (CALL(getuid, 0, 0, 0, 0, 0, 0) != 0 && CALL(geteuid, 0, 0, 0, 0, 0, 0) != 0)
        seen |= LAYER_NOT_ROOT;
    if (CALL(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0, 0) == 0)
        seen |= LAYER_NOT_DUMPABLE;
    return seen;
}

// ---- the way out ----

// A proxy alone, where gatehouse-stage could make no network (network.h): listens on this namespace's
// loopback. The server runs later and has neither the listener nor the socket it is sent through.
static void open_egress(__u32 port)
{
    long listener = listen_on_loopback(port, 1);
    if (listener < 0)
        fail(STAGE_EGRESS, -listener);
    long result = hand_over(listener, port, LISTENER_PROXY);
    if (result < 0)
        fail(STAGE_EGRESS, -result);
}

// ---- the server ----

struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    __u64 mask;
};

// Landlock by its system calls (Linux 5.13); which rights the kernel knows was asked before. It binds
// the server and what it starts, not PID 1, so that a signal to PID 1 leaves its domain.
static long restrict_server(const struct launch *launch)
{
    const struct launch_header *header = launch->header;
    long rules = CALL(landlock_create_ruleset, &header->handled, sizeof header->handled, 0, 0, 0, 0);
    if (rules < 0)
        return rules;
    for (__u32 index = 0; index < header->path_count; index++) {
        long place = CALL(openat, AT_FDCWD, launch->names[index], O_PATH | O_CLOEXEC, 0, 0, 0);
        if (place < 0)
            return place;
        // Rights of a folder are no rights of a file (EINVAL).
        struct statx status;
        memset(&status, 0, sizeof status);
        long result = CALL(statx, place, "", AT_EMPTY_PATH, STATX_TYPE, &status, 0);
        if (result < 0)
            return result;
        __u64 access = launch->paths[index].access;
        if ((status.stx_mode & S_IFMT) != S_IFDIR)
            access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                      LANDLOCK_ACCESS_FS_READ_FILE | (1ULL << 14) /* TRUNCATE */ |
                      (1ULL << 15) /* IOCTL_DEV */;
        struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = (int)place};
        result = CALL(landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0, 0, 0);
        CALL(close, place, 0, 0, 0, 0, 0);
        if (result < 0)
            return result;
    }
    for (__u32 index = 0; index < header->port_count; index++) {
        // struct landlock_net_port_attr, which older headers lack.
        long result = CALL(landlock_add_rule, rules, 2 /* LANDLOCK_RULE_NET_PORT */,
                           &launch->ports[index], 0, 0, 0);
        if (result < 0)
            return result;
    }
    long result = CALL(landlock_restrict_self, rules, 0, 0, 0, 0, 0);
    CALL(close, rules, 0, 0, 0, 0, 0);
    return result;
}

static __attribute__((noreturn)) void become_server(const struct launch *launch, int failures)
{
    // What bubblewrap inherited as ignored (SIGPIPE, usually) would stay so across execve.
    struct kernel_action standard = {0, 0, 0, 0};
    for (int number = 1; number <= 64; number++)
        CALL(rt_sigaction, number, &standard, 0, 8, 0, 0);
    __u64 none = 0;
    CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &none, 0, 8, 0, 0);
    CALL(umask, 022, 0, 0, 0, 0, 0);
    CALL(setpgid, 0, 0, 0, 0, 0, 0); // a group of its own, so that signals reach its children too

    __s32 error[2] = {STAGE_FOLDER, 0};
    error[1] = (__s32)-CALL(chdir, launch->folder, 0, 0, 0, 0, 0);
    if (error[1] == 0 && launch->header->has_landlock != 0) {
        error[0] = STAGE_LANDLOCK;
        error[1] = (__s32)-restrict_server(launch);
    }
    if (error[1] == 0) {
        error[0] = STAGE_EXEC;
        error[1] = (__s32)-CALL(execve, launch->executable, launch->arguments, launch->variables,
                                0, 0, 0);
    }
    CALL(write, failures, error, sizeof error, 0, 0, 0);
    leave(127);
}

static int exit_code(int status)
{
    int signal = status & 0x7f;
    return signal != 0 ? 128 + signal : (status >> 8) & 0xff;
}

// Reaps whatever ended; leaves when that was the server, and the kernel then kills the rest. That the
// server was stopped is said, and no more: who supervises it decides.
static void reap(long server)
{
    for (;;) {
        int status = 0;
        long pid = CALL(wait4, -1, &status, 1 | 2 /* WNOHANG, WUNTRACED */, 0, 0, 0);
        if (pid == -EINTR)
            continue;
        if (pid <= 0)
            return;
        if ((status & 0xff) == 0x7f) {
            if (pid == server)
                report(REPORT_STOPPED, 0, status >> 8);
            continue;
        }
        if (pid == server) {
            report(REPORT_EXITED, 0, status);
            leave(exit_code(status));
        }
    }
}

static long start_server(const struct launch *launch)
{
    int failures[2];
    long result = CALL(pipe2, failures, 02000000 /* O_CLOEXEC */, 0, 0, 0, 0);
    if (result < 0)
        fail(STAGE_FORK, -result);
    long server = CALL(clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (server < 0)
        fail(STAGE_FORK, -server);
    if (server == 0) {
        CALL(close, CONTROL, 0, 0, 0, 0, 0);
        become_server(launch, failures[1]);
    }
    // Its pipes must have no other holder, or the gateway would never see them end.
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        CALL(close, descriptor, 0, 0, 0, 0, 0);
    CALL(close, failures[1], 0, 0, 0, 0, 0);
    __s32 error[2];
    long count;
    do {
        count = CALL(read, failures[0], error, sizeof error, 0, 0, 0);
    } while (count == -EINTR);
    CALL(close, failures[0], 0, 0, 0, 0, 0);
    if (count == (long)sizeof error)
        fail((enum stage)error[0], error[1]);
    return server;
}

// ---- PID 1 ----

static void signal_server(long server, int number)
{
    if (CALL(kill, -server, number, 0, 0, 0, 0) < 0)
        CALL(kill, server, number, 0, 0, 0, 0);
}

static void watch(long server, int signals)
{
    struct pollfd sources[2] = {{signals, POLLIN, 0}, {CONTROL, POLLIN, 0}};
    for (;;) {
        long ready = CALL(ppoll, sources, 2, 0, 0, 0, 0);
        if (ready < 0 && ready != -EINTR)
            leave(125);
        if (sources[0].revents != 0) {
            __u32 number[32]; // struct signalfd_siginfo is 128 bytes and begins with ssi_signo
            if (CALL(read, signals, number, sizeof number, 0, 0, 0) == (long)sizeof number &&
                number[0] != SIGCHLD)
                signal_server(server, (int)number[0]);
            reap(server); // one SIGCHLD may stand for several children
        }
        if (sources[1].revents != 0) {
            unsigned char command = 0;
            long count = CALL(read, CONTROL, &command, 1, 0, 0, 0);
            if (count == 1 && command == 'T')
                signal_server(server, SIGTERM);
            else if (count != -EINTR && count != -EAGAIN && count != 1)
                leave(137); // nobody holds the other end any more: the whole tree dies with us
        }
    }
}

void start(long *stack)
{
    (void)stack; // what to start comes in a descriptor, not in arguments
    // Otherwise the server, same uid, could read this process's memory and descriptors.
    long result = CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
    if (result < 0)
        fail(STAGE_SELF, -result);
    result = CALL(close_range, LAUNCH + 1, ~0U, 0, 0, 0, 0);
    if (result < 0)
        fail(STAGE_SELF, -result);
    // All signals wait in a descriptor; a blocked signal is queued for PID 1, never dropped.
    __u64 all = ~0UL;
    result = CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, 8, 0, 0);
    if (result < 0)
        fail(STAGE_SELF, -result);
    long signals = CALL(signalfd4, -1, &all, 8, 02000000 /* SFD_CLOEXEC */, 0, 0);
    if (signals < 0)
        fail(STAGE_SELF, -signals);

    struct launch launch = read_launch();
    CALL(close, LAUNCH, 0, 0, 0, 0, 0);
    __u32 seen = layers_seen();
    if ((launch.header->required & ~seen) != 0)
        fail(STAGE_LAYERS, launch.header->required & ~seen);
    if (launch.header->egress_port != 0)
        open_egress(launch.header->egress_port);
    for (__u32 index = 0; index < launch.header->limit_count; index++) {
        const struct launch_limit *limit = &launch.limits[index];
        const struct {
            __u64 soft, hard;
        } value = {limit->soft, limit->hard};
        result = CALL(prlimit64, 0, limit->resource, &value, 0, 0, 0);
        if (result < 0)
            fail(STAGE_LIMITS, -result);
    }
    long server = start_server(&launch);
    report(REPORT_STARTED, seen, 0);
    watch(server, (int)signals);
    leave(125);
}
