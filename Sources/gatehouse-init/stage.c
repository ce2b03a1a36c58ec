// The last thing done for a cage before bubblewrap: joins its control groups, makes the network of its way
// out and, where the gateway is root, shows its sources to the server's own user and becomes that user.
//
//     gatehouse-stage UID GID FD,FD,... GROUPFD,GROUPFD,... PORT,PORT,... BWRAP ARGUMENT...
//
// GROUPFDs are open `cgroup.procs` files: what they bound holds from bubblewrap's first instruction on.
// PORTs are those on which every address leads to the gateway (network.h); none: no network is made.
// UID and GID 0 mean the user it already is, who must not be root; where there are sources or ports it makes
// a user namespace of its own, in which it may mount and route.
//
// bubblewrap looks its sources up by path, as the server's user, who often may not pass the folders
// above (a home is 0700). So each source, an open descriptor, is mounted as /tmp/0, /tmp/1, ... in a
// mount namespace of our own, where /tmp is a new tmpfs; nobody else sees any of it.
//
// FD+LAYER is a folder of which a layer of whiteouts hides parts (overlayfs, read-only), FD+LAYER+CHANGES
// one whose changes go to CHANGES/upper. What the cage's mountinfo shows of them are places in that /tmp.
// INVARIANT: Sources/Sandbox/Launch/CageLaunch.swift names these places.

#include "network.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/stat.h>

enum { SOURCE_LIMIT = 128 };

static unsigned long length(const char *text)
{
    unsigned long count = 0;
    while (text[count] != 0)
        count++;
    return count;
}

static __attribute__((noreturn)) void fail(const char *step, long error)
{
    char line[128] = "gatehouse-stage: ";
    unsigned long at = length(line);
    for (const char *from = step; *from != 0 && at < 100; from++)
        line[at++] = *from;
    static const char words[] = ": errno ";
    for (const char *from = words; *from != 0; from++)
        line[at++] = *from;
    char digits[8];
    int count = 0;
    unsigned long value = error < 0 ? (unsigned long)-error : (unsigned long)error;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 && count < 8);
    while (count > 0)
        line[at++] = digits[--count];
    line[at++] = '\n';
    CALL(write, 2, line, at, 0, 0, 0);
    for (;;)
        CALL(exit_group, 126, 0, 0, 0, 0, 0);
}

static void check(const char *step, long result)
{
    if (result < 0 && result > -4096)
        fail(step, result);
}

// A decimal number up to 2^31; moves on past it.
static long number(const char **text)
{
    long value = 0;
    const char *at = *text;
    if (*at < '0' || *at > '9')
        fail("arguments", 22);
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (*at - '0');
        if (value > 0x7fffffffL)
            fail("arguments", 22);
    }
    *text = at;
    return value;
}

static int is_folder(int fd)
{
    struct statx status;
    memset(&status, 0, sizeof status);
    check("statx", CALL(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE, &status, 0));
    return (status.stx_mode & S_IFMT) == S_IFDIR;
}

static void place_of(int index, char *place)
{
    memcpy(place, "/tmp/", 5);
    place += 5;
    if (index >= 100)
        *place++ = (char)('0' + index / 100);
    if (index >= 10)
        *place++ = (char)('0' + index / 10 % 10);
    *place++ = (char)('0' + index % 10);
    *place = 0;
}

static void join(const char *text)
{
    for (; *text != 0; text += *text == ',') {
        int fd = (int)number(&text);
        long result;
        do {
            result = CALL(write, fd, "0", 1, 0, 0, 0);
        } while (result == -EINTR);
        check("join control group", result);
        CALL(close, fd, 0, 0, 0, 0, 0);
    }
}

// What one source is made of: itself, what hides parts of it, where its changes go.
enum { SELF, LAYER, CHANGES, PARTS };

struct source {
    int trees[PARTS]; // -1: none
    int is_folder;
};

static void write_file(const char *path, const char *text, unsigned long count)
{
    long fd = CALL(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0, 0, 0);
    check("open a map", fd);
    check("write a map", CALL(write, fd, text, count, 0, 0, 0));
    CALL(close, fd, 0, 0, 0, 0, 0);
}

static char *append_number(char *at, unsigned long value)
{
    char digits[20];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static char *append(char *at, const char *text)
{
    unsigned long count = length(text);
    memcpy(at, text, count);
    return at + count;
}

// A user namespace in which this user is itself and nobody else is anybody; executing gives the
// capabilities that come with it up again.
static void enter_own_users(void)
{
    long user = CALL(geteuid, 0, 0, 0, 0, 0, 0);
    long group = CALL(getegid, 0, 0, 0, 0, 0, 0);
    check("unshare users", CALL(unshare, CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, 0, 0));
    write_file("/proc/self/setgroups", "deny", 4);
    for (int index = 0; index < 2; index++) {
        char line[64];
        unsigned long number = (unsigned long)(index == 0 ? user : group);
        char *at = append_number(line, number);
        *at++ = ' ';
        at = append_number(at, number);
        at = append(at, " 1\n");
        write_file(index == 0 ? "/proc/self/uid_map" : "/proc/self/gid_map", line,
                   (unsigned long)(at - line));
    }
}

// The same file as this mount namespace has it: a descriptor keeps to the namespace it was opened in.
static int opened_here(int fd)
{
    char place[32];
    *append_number(append(place, "/proc/self/fd/"), (unsigned long)fd) = 0;
    char path[4096];
    long count = CALL(readlinkat, AT_FDCWD, place, path, sizeof path - 1, 0, 0);
    check("readlink", count);
    path[count] = 0;
    struct {
        __u64 flags, mode, resolve; // struct open_how
    } how = {O_PATH | O_CLOEXEC, 0, 0x04 | 0x02 /* RESOLVE_NO_SYMLINKS, NO_MAGICLINKS */};
    long here = CALL(openat2, AT_FDCWD, path, &how, sizeof how, 0, 0);
    check("open a source", here);
    struct statx was, is;
    memset(&was, 0, sizeof was);
    memset(&is, 0, sizeof is);
    check("statx", CALL(statx, fd, "", AT_EMPTY_PATH, STATX_INO, &was, 0));
    check("statx", CALL(statx, here, "", AT_EMPTY_PATH, STATX_INO, &is, 0));
    if (was.stx_ino != is.stx_ino || was.stx_dev_major != is.stx_dev_major ||
        was.stx_dev_minor != is.stx_dev_minor)
        fail("a source was replaced", ESTALE);
    CALL(close, fd, 0, 0, 0, 0, 0);
    return (int)here;
}

static int read_sources(const char *text, struct source *sources, int reopens)
{
    int count = 0;
    for (; *text != 0; text += *text == ',') {
        if (count == SOURCE_LIMIT)
            fail("too many sources", 7);
        struct source *source = &sources[count++];
        for (int part = 0; part < PARTS; part++) {
            source->trees[part] = -1;
            if (part > 0 && *text != '+')
                continue;
            text += part > 0;
            int fd = (int)number(&text);
            if (reopens)
                fd = opened_here(fd);
            if (part == SELF)
                source->is_folder = is_folder(fd);
            long tree = CALL(open_tree, fd, "",
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE, 0,
                             0, 0);
            check("open_tree", tree);
            source->trees[part] = (int)tree;
            CALL(close, fd, 0, 0, 0, 0, 0);
        }
    }
    return count;
}

static void attach(int tree, const char *place, int is_folder)
{
    if (is_folder)
        check("mkdir", CALL(mkdirat, AT_FDCWD, place, 0700, 0, 0, 0));
    else
        check("mknod", CALL(mknodat, AT_FDCWD, place, S_IFREG | 0600, 0, 0, 0));
    check("move_mount", CALL(move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH, 0));
}

static void overlay(const struct source *source, const char *place)
{
    static const char *const suffixes[PARTS] = {".self", ".hidden", ".changes"};
    char places[PARTS][32];
    for (int part = 0; part < PARTS; part++) {
        *append(append(places[part], place), suffixes[part]) = 0;
        if (source->trees[part] >= 0)
            attach(source->trees[part], places[part], 1);
    }
    char options[256];
    char *at = append(options, "userxattr,index=off,lowerdir=");
    at = append(append(append(at, places[LAYER]), ":"), places[SELF]);
    unsigned long flags = MS_NOSUID | MS_NODEV;
    if (source->trees[CHANGES] >= 0) {
        at = append(append(append(at, ",upperdir="), places[CHANGES]), "/upper");
        at = append(append(append(at, ",workdir="), places[CHANGES]), "/work");
    } else {
        flags |= MS_RDONLY;
    }
    *at = 0;
    check("mkdir", CALL(mkdirat, AT_FDCWD, place, 0700, 0, 0, 0));
    check("mount overlay", CALL(mount, "overlay", place, "overlay", flags, options, 0));
}

static void show(const char *text, int is_root)
{
    struct source sources[SOURCE_LIMIT];
    // A descriptor of another mount namespace cannot be mounted, a detached copy can: root copies first.
    int count = 0;
    if (is_root) {
        count = read_sources(text, sources, 0);
        check("unshare", CALL(unshare, CLONE_NEWNS, 0, 0, 0, 0, 0));
    } else {
        enter_own_users();
        count = read_sources(text, sources, 1);
    }
    check("mount /", CALL(mount, "none", "/", 0, MS_REC | MS_PRIVATE, 0, 0));
    check("mount /tmp", CALL(mount, "tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
                             "size=1m,mode=0755", 0));
    for (int index = 0; index < count; index++) {
        char place[16];
        place_of(index, place);
        if (sources[index].trees[LAYER] >= 0)
            overlay(&sources[index], place);
        else
            attach(sources[index].trees[SELF], place, sources[index].is_folder);
    }
}

static void open_network(const char *text)
{
    __u16 ports[PORT_LIMIT];
    int count = 0;
    for (; *text != 0; text += *text == ',') {
        long port = number(&text);
        if (count == PORT_LIMIT || port < 1 || port > 65535)
            fail("arguments", 22);
        ports[count++] = (__u16)port;
    }
    const char *step = "";
    long result = make_network(ports, count, &step);
    if (result < 0)
        fail(step, result);
}

void start(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    if (count < 8)
        fail("arguments", 22);
    int has_network = *arguments[5] != 0;
    const char *text = arguments[1];
    long user = number(&text);
    text = arguments[2];
    long group = number(&text);
    if (user == 0 || group == 0) {
        if (user != group || CALL(geteuid, 0, 0, 0, 0, 0, 0) == 0)
            fail("the server would be root", 1);
        join(arguments[4]);
        if (*arguments[3] != 0)
            show(arguments[3], 0);
        else if (has_network)
            enter_own_users();
        if (has_network)
            open_network(arguments[5]);
    } else {
        join(arguments[4]);
        show(arguments[3], 1);
        if (has_network)
            open_network(arguments[5]);
        check("setgroups", CALL(setgroups, 0, 0, 0, 0, 0, 0));
        check("setresgid", CALL(setresgid, group, group, group, 0, 0, 0));
        check("setresuid", CALL(setresuid, user, user, user, 0, 0, 0));
        // Becoming another user cleared it; bubblewrap sets it again for itself.
        check("prctl", CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0));
    }
    check("prctl", CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
    check("chdir", CALL(chdir, "/", 0, 0, 0, 0, 0));
    char *none[1] = {0};
    check("execve", CALL(execve, arguments[6], arguments + 7, none, 0, 0, 0));
    fail("execve", 0);
}
