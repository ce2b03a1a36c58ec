#pragma once
// What Linux offers and the Glibc module does not, or only as macros and variadics. No system header
// that declares more than plain types is included here, so that this module never clashes with Glibc.
//
// Every call returns its result, or a negative errno. Calls that can be interrupted start again by
// themselves, except where a comment says so.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Clocks and wake-ups.

/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t cgate_monotonic(void);
/// Milliseconds since 1970 of CLOCK_REALTIME.
int64_t cgate_realtime(void);
/// An eventfd, nonblocking and closed on exec.
int cgate_eventfd(void);
/// Adds one to an eventfd.
int cgate_eventfd_add(int fd);

// epoll.

/// One event: `data` as it was registered, `events` as the kernel's bits.
struct cgate_event {
    uint64_t data;
    uint32_t events;
};

int cgate_epoll_create(void);
int cgate_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int cgate_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int cgate_epoll_remove(int epoll, int fd);
/// Fills at most `capacity` (and never more than 256) events; an interruption counts as none.
/// A negative `milliseconds` waits for ever.
int cgate_epoll_wait(int epoll, struct cgate_event *events, int capacity, int milliseconds);

// Descriptors.

int cgate_close(int fd);
int cgate_duplicate(int fd);
int cgate_set_nonblocking(int fd);
int cgate_set_inheritable(int fd, int is_inheritable);
/// Both ends are closed on exec; `flags` 1 makes the reading, 2 the writing end nonblocking.
int cgate_pipe(int *ends, int flags);
/// A connected pair of AF_UNIX sockets, closed on exec; SOCK_SEQPACKET when `keeps_messages`.
int cgate_socketpair(int *ends, int keeps_messages, int is_nonblocking);

struct cgate_piece {
    const void *_Nullable base;
    size_t length;
};

ptrdiff_t cgate_read(int fd, void *buffer, size_t length);
ptrdiff_t cgate_write(int fd, const void *buffer, size_t length);
/// Like write, for sockets: never raises SIGPIPE.
ptrdiff_t cgate_send(int fd, const void *buffer, size_t length);
/// Several pieces by one call; `is_socket` keeps SIGPIPE away.
ptrdiff_t cgate_write_pieces(int fd, int is_socket, const struct cgate_piece *pieces, int count);

// Sockets.

enum { CGATE_UNIX = 1, CGATE_IPV4 = 4, CGATE_IPV6 = 6 };

/// An address in host order: IPv4 in the low 32 bits of `low`; nothing for AF_UNIX.
struct cgate_address {
    uint64_t high;
    uint64_t low;
    uint32_t family;
    uint16_t port;
};

/// A nonblocking listening socket with TCP_NODELAY for what it accepts; IPv6 only for IPv6.
/// SO_REUSEPORT stays off: with it any process of the same uid could join the listener.
int cgate_listen_ip(const struct cgate_address *address, int backlog);
/// The socket file is made with mode 0600.
int cgate_listen_unix(const char *path, int backlog);
/// Nonblocking; -EAGAIN when none waits.
int cgate_accept(int fd, struct cgate_address *peer);
/// Starts a connection; `*is_pending` says whether it is still being made.
int cgate_connect_ip(const struct cgate_address *address, int *is_pending);
int cgate_connect_unix(const char *path, int *is_pending);
/// The error a pending connection ended with: 0 or a negative errno.
int cgate_socket_error(int fd);
/// One datagram, cut to `length`, and who sent it; -EAGAIN when none waits.
ptrdiff_t cgate_receive_datagram(
    int fd, void *buffer, size_t length, struct cgate_address *peer);
ptrdiff_t cgate_send_datagram(
    int fd, const void *buffer, size_t length, const struct cgate_address *peer);
int cgate_local_address(int fd, struct cgate_address *address);
int cgate_remote_address(int fd, struct cgate_address *address);
/// 1 for a socket that listens (SO_ACCEPTCONN), 0 for any other descriptor.
int cgate_is_listening(int fd);

/// Has a TCP socket, and what is accepted from it, send small writes without waiting for the peer to
/// acknowledge the last ones. Other sockets always do.
void cgate_send_at_once(int fd);
/// The credentials of the process that connected (SO_PEERCRED).
int cgate_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);
int cgate_shutdown_write(int fd);

/// The addresses of a name by the system's resolver, blocking; the number of them, or a negative
/// EAI_ code minus 1000 (errno codes of a failing system call come as they are).
int cgate_resolve(const char *name, struct cgate_address *addresses, int capacity);
/// The text of an EAI_ code; static storage.
const char *cgate_resolve_text(int code);

/// Sends bytes and descriptors together (SCM_RIGHTS); at most 16 descriptors.
ptrdiff_t cgate_send_descriptors(
    int fd, const void *bytes, size_t length, const int *descriptors, int count);
/// Receives both; descriptors come closed on exec. `*count` holds the room and then the number.
/// Descriptors that did not fit are closed and -EMSGSIZE is returned.
ptrdiff_t cgate_receive_descriptors(
    int fd, void *bytes, size_t length, int *descriptors, int *count);

// Processes.

/// What `cgate_spawn` starts. Everything is copied by the kernel before the call returns.
struct cgate_spawn_request {
    const char *path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    const char *_Nullable directory;
    /// `sources[i]` becomes number `targets[i]` of the child; all other numbers are closed.
    const int *sources;
    const int *targets;
    int descriptor_count;
    int has_identity;
    uint32_t user;
    uint32_t group;
    const uint32_t *_Nullable groups;
    int group_count;
    int starts_session;
    int dies_with_parent;
    int gains_no_privileges;
    /// The soft limit of open files, 0 to leave it.
    uint64_t open_file_limit;
};

/// The steps of a start, in their order, for the error message.
enum {
    CGATE_STEP_CLONE = 1,
    CGATE_STEP_SESSION,
    CGATE_STEP_DESCRIPTORS,
    CGATE_STEP_LIMITS,
    CGATE_STEP_IDENTITY,
    CGATE_STEP_DIRECTORY,
    CGATE_STEP_PRIVILEGES,
    CGATE_STEP_EXECUTE
};

/// Starts a program and returns its pidfd (closed on exec), with its pid in `*pid`; or a negative
/// errno with the step that failed in `*step`. Signals are at their defaults and unblocked.
int cgate_spawn(const struct cgate_spawn_request *request, int *pid, int *step);
/// 1 when the child has ended: `*is_signal` says whether `*value` is a signal or an exit code; the
/// child is reaped. 0 when it runs.
int cgate_reap(int pidfd, int *is_signal, int *value);
int cgate_pidfd_open(int pid);
int cgate_pidfd_signal(int pidfd, int signal);
/// Hides our memory and environment from other processes of the same uid (PR_SET_DUMPABLE 0).
int cgate_hide_memory(void);

/// Keeps freed memory for the next large message, until cgate_give_memory_back.
void cgate_keep_memory(void);
void cgate_give_memory_back(void);

// Signals.

/// Blocks the signals in this thread (and those it starts) and returns a signalfd for them.
int cgate_signalfd(const int *signals, int count);
/// The next signal of a signalfd, -EAGAIN when none waits.
int cgate_next_signal(int fd);
/// Writes to a closed pipe are errors, never a signal.
int cgate_ignore_sigpipe(void);

// Files.

/// What fstat and lstat tell.
struct cgate_facts {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t modified_seconds;
    int64_t modified_nanoseconds;
    uint32_t mode;
    uint32_t user;
    uint32_t group;
    uint32_t link_count;
};

enum { CGATE_READ = 1, CGATE_WRITE = 2, CGATE_CREATE = 4, CGATE_EXCLUSIVE = 8, CGATE_APPEND = 16,
    CGATE_DIRECTORY = 32, CGATE_FOLLOW = 64, CGATE_TRUNCATE = 128, CGATE_BLOCKING = 256 };

/// Opens relative to `folder` (or the working directory when negative), closed on exec. Without
/// CGATE_FOLLOW a symbolic link as last component is refused; `mode` is for a new file.
int cgate_open(int folder, const char *path, int flags, uint32_t mode);
int cgate_facts_of(int fd, struct cgate_facts *facts);
/// Of the path itself, a link is not followed.
int cgate_facts_at(int folder, const char *path, struct cgate_facts *facts);
int cgate_fsync(int fd, int data_only);
int cgate_rename(int folder, const char *from, const char *to);
int cgate_unlink(int folder, const char *path, int is_directory);
int cgate_make_directory(int folder, const char *path, uint32_t mode);
int cgate_change_mode(int fd, uint32_t mode);
int cgate_truncate(int fd, uint64_t length);
/// A lock of the open file, released with its last descriptor; -EWOULDBLOCK when another has it.
int cgate_lock_exclusively(int fd);
/// The text of a link, not NUL-terminated; its length.
ptrdiff_t cgate_read_link(const char *path, char *text, size_t capacity);
/// Makes a symbolic link; one that exists is not replaced.
int cgate_make_link(const char *target, const char *path);
/// Calls back with each name but `.` and `..`; a negative result of the callback ends it.
int cgate_each_entry(
    int fd, int (*body)(void *_Nullable context, const char *name), void *_Nullable context);
/// An unnamed file in memory; `seals` stops every later change.
int cgate_memfd(const char *name);
int cgate_seal_memfd(int fd);
int cgate_rewind(int fd);

// The process.

/// Raises the soft limit of open files to the hard one; the limit.
int64_t cgate_raise_open_files(void);
/// Bytes in one page of memory.
int64_t cgate_page_size(void);
/// Gives free heap pages back to the system; 1 when there were some.
int cgate_release_memory(void);
/// CPU time of the process in nanoseconds.
uint64_t cgate_cpu_time(void);
/// The same of the calling thread.
uint64_t cgate_thread_cpu_time(void);
/// Turns the terminal's echo off or on again; `*was_on` keeps the earlier state.
int cgate_set_echo(int fd, int is_on, int *was_on);
/// Gives each key as it is typed, control keys too, and shows none; or lines again.
///
/// What was typed before is dropped.
int cgate_set_keys(int fd, int is_on);
/// Drops what was typed and not read.
int cgate_drop_input(int fd);
/// Of a terminal, which may not know it: 0 then. Fails for whatever is none.
int cgate_terminal_size(int fd, int *rows, int *columns);

/// The text of an errno, copied; returns its length.
size_t cgate_error_text(int code, char *text, size_t capacity);
/// The symbolic name such as `ENOENT`, or null; static storage.
const char *_Nullable cgate_error_name(int code);

#pragma clang assume_nonnull end
