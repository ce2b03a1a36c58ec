// What is said to the gateway on the control socket, by gatehouse-stage first and then by PID 1.
//
// INVARIANT: the layout is read by Sources/Sandbox/Launch/InitProtocol.swift.
#pragma once

#include "calls.h"

#include <linux/errno.h>
#include <linux/types.h>

enum { CONTROL = 3 };

enum report {
    REPORT_STARTED = 1, // detail: layers seen
    REPORT_FAILED = 2,  // detail: stage, code: errno (or the missing layers)
    REPORT_EXITED = 3,  // code: wait status
    REPORT_LISTENING = 4, // detail: port, code: enum listener; the socket comes along
    REPORT_STOPPED = 5, // code: the signal that stopped the server
};

// What the gateway answers on a socket that listens inside of a cage.
enum listener {
    LISTENER_PROXY = 0,
    LISTENER_CAPTURED = 1,      // whatever address and port it was meant for
    LISTENER_NAME_STREAMS = 2,  // DNS
    LISTENER_NAME_DATAGRAMS = 3,
};

struct report_message {
    __u32 kind;
    __u32 detail;
    __s32 code;
    __u32 zero;
};

// <sys/socket.h> without the libc: sendmsg(2) and cmsg(3).
struct piece {
    const void *base;
    unsigned long byte_count;
};

struct message {
    void *name;
    __u32 name_count;
    struct piece *pieces;
    unsigned long piece_count;
    const void *control;
    unsigned long control_count;
    __u32 flags;
};

struct passed {
    unsigned long byte_count;
    __s32 level;
    __s32 type;
    __s32 descriptor;
    __s32 zero;
};

// Gives a listening socket to the gateway and keeps nothing of it; 0 or a negative errno.
static inline long hand_over(long descriptor, __u32 port, enum listener listener)
{
    struct report_message text = {REPORT_LISTENING, port, listener, 0};
    struct piece piece = {&text, sizeof text};
    // CMSG_LEN of one descriptor is 20, its room 24: SOL_SOCKET is 1, SCM_RIGHTS is 1.
    struct passed passed = {20, 1, 1, (__s32)descriptor, 0};
    struct message message = {0, 0, &piece, 1, &passed, sizeof passed, 0};
    long result;
    do {
        result = CALL(sendmsg, CONTROL, &message, 0x4000 /* MSG_NOSIGNAL */, 0, 0, 0);
    } while (result == -EINTR);
    CALL(close, descriptor, 0, 0, 0, 0, 0);
    return result < 0 ? result : 0;
}

// A listener on 127.0.0.1; its number or a negative errno.
static inline long listen_on_loopback(__u32 port, int is_stream)
{
    struct {
        __u16 family, port;
        __u32 address;
        char zero[8];
    } address = {2 /* AF_INET */, __builtin_bswap16((__u16)port), __builtin_bswap32(0x7f000001), {0}};
    int type = (is_stream ? 1 : 2) | 02000000; // SOCK_STREAM or SOCK_DGRAM, CLOEXEC
    long number = CALL(socket, 2, type, 0, 0, 0, 0);
    if (number < 0)
        return number;
    long result = CALL(bind, number, &address, sizeof address, 0, 0, 0);
    if (result == 0 && is_stream)
        result = CALL(listen, number, 128, 0, 0, 0, 0);
    if (result < 0) {
        CALL(close, number, 0, 0, 0, 0, 0);
        return result;
    }
    return number;
}
