// A server that was taken over, as `gatehouse prove` plays it: runs in a server's real cage in the place
// of its program and tries what it is told on standard input.
//
// An act is a list of steps, mostly system calls. Each act runs in a process of its own; it has got
// through when every step did. Freestanding, so that it runs in every cage, and without any knowledge
// of what should happen: Sources/Sandbox/Prove/ knows that.
//
// INVARIANT: the layouts below are written by Sources/Sandbox/Prove/ActScript.swift.

#include "calls.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/signal.h>
#include <linux/types.h>

enum operation {
    OP_CALL = 0,   // a system call; its failure ends the act
    OP_TRY = 1,    // a system call; its failure is passed over
    OP_FIND = 2,   // reads descriptor a: goes on when it holds text b
    OP_LISTED = 3, // folder descriptor a: goes on when it lists name b
    OP_IS = 4,     // goes on when a equals b
    OP_FORK = 5,   // a processes that stay
    OP_HOG = 6,    // a bytes of memory, each page written
    OP_REPEAT = 7, // the next step a times
    OP_SCAN = 8,   // goes on when a descriptor from a to b is open
    OP_MACHINE32 = 9, // a call in the numbers of another architecture
};

enum kind { KIND_VALUE = 0, KIND_TEXT = 1, KIND_RESULT = 2, KIND_BUFFER = 3 };

// What an act came to.
enum outcome { THROUGH = 0, FAILED = 1, ABSENT = 2, ENDED = 3 };

enum { ARGUMENT_LIMIT = 6, RESULT_LIMIT = 32, SCRIPT_LIMIT = 1 << 20, BUFFER_LIMIT = 1 << 16 };

struct report {
    __u32 act;
    __u32 outcome;
    __s32 code; // errno, or the signal that ended it
    __u32 zero;
};

static unsigned char script[SCRIPT_LIMIT];
static unsigned long script_size;
static unsigned char scratch[BUFFER_LIMIT];

static __attribute__((noreturn)) void leave(int status)
{
    for (;;)
        CALL(exit_group, status, 0, 0, 0, 0, 0);
}

static void say(__u32 act, __u32 outcome, __s32 code)
{
    struct report report = {act, outcome, code, 0};
    while (CALL(write, 1, &report, sizeof report, 0, 0, 0) == -EINTR)
        ;
}

static __u32 word(unsigned long *at)
{
    if (*at + 4 > script_size)
        leave(3);
    __u32 value = 0;
    memcpy(&value, script + *at, 4);
    *at += 4;
    return value;
}

static __u64 long_word(unsigned long *at)
{
    __u64 low = word(at);
    return low | (__u64)word(at) << 32;
}

struct argument {
    __u32 kind;
    long value;         // or the address of a text
    unsigned long size; // of a text, without its final NUL
};

struct step {
    __u32 operation;
    __u32 number;
    struct argument arguments[ARGUMENT_LIMIT];
};

static struct step read_step(unsigned long *at)
{
    struct step step = {.operation = word(at), .number = word(at)};
    for (int index = 0; index < ARGUMENT_LIMIT; index++) {
        struct argument *argument = &step.arguments[index];
        argument->kind = word(at);
        argument->size = word(at);
        argument->value = (long)long_word(at);
        if (argument->kind == KIND_TEXT) {
            if (argument->size > script_size || *at + argument->size + 1 > script_size)
                leave(3);
            argument->value = (long)(script + *at);
            *at += argument->size + 1;
        }
    }
    return step;
}

static int holds(const unsigned char *bytes, unsigned long size, const struct argument *text)
{
    const unsigned char *wanted = (const unsigned char *)text->value;
    for (unsigned long at = 0; text->size <= size && at <= size - text->size; at++) {
        unsigned long same = 0;
        while (same < text->size && bytes[at + same] == wanted[same])
            same++;
        if (same == text->size)
            return 1;
    }
    return 0;
}

// 1 when it holds the text, 0 when not, or a negative errno.
static long find(long descriptor, const struct argument *text)
{
    unsigned long kept = 0;
    for (int turn = 0; turn < 256; turn++) {
        long count = CALL(read, descriptor, scratch + kept, sizeof scratch - kept, 0, 0, 0);
        if (count < 0)
            return count;
        if (count == 0)
            return 0;
        unsigned long size = kept + (unsigned long)count;
        if (holds(scratch, size, text))
            return 1;
        // The text may begin in what was read and end in what comes.
        kept = size < text->size ? size : text->size;
        for (unsigned long index = 0; index < kept; index++)
            scratch[index] = scratch[size - kept + index];
    }
    return 0;
}

static long listed(long descriptor, const struct argument *name)
{
    const char *wanted = (const char *)name->value;
    for (int turn = 0; turn < 256; turn++) {
        long count = CALL(getdents64, descriptor, scratch, sizeof scratch, 0, 0, 0);
        if (count <= 0)
            return count;
        for (long at = 0; at + 19 < count;) {
            unsigned short length = 0;
            memcpy(&length, scratch + at + 16, 2);
            const char *entry = (const char *)scratch + at + 19;
            unsigned long same = 0;
            while (same < name->size && entry[same] == wanted[same])
                same++;
            if (same == name->size && entry[same] == 0)
                return 1;
            if (length == 0)
                return 0;
            at += length;
        }
    }
    return 0;
}

static long stay(long count)
{
    for (long made = 0; made < count; made++) {
        long child = CALL(clone, SIGCHLD, 0, 0, 0, 0, 0);
        if (child < 0)
            return child;
        if (child == 0) {
            for (;;)
                CALL(ppoll, 0, 0, 0, 0, 0, 0);
        }
    }
    return 1;
}

static long hog(unsigned long size)
{
    const unsigned long piece = 4UL << 20;
    for (unsigned long done = 0; done < size; done += piece) {
        long place = CALL(mmap, 0, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place < 0 && place > -4096)
            return place;
        for (unsigned long at = 0; at < piece; at += 4096)
            ((volatile unsigned char *)place)[at] = 1;
    }
    return 1;
}

static long scan(long first, long last)
{
    for (long descriptor = first; descriptor <= last; descriptor++) {
        if (CALL(fcntl, descriptor, F_GETFD, 0, 0, 0, 0) >= 0)
            return 1;
    }
    return 0;
}

static long machine32(void)
{
#if defined(__x86_64__)
    long result = 20; // getpid of 32 bits
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? result : 1;
#else
    return -ENOSYS;
#endif
}

static long results[RESULT_LIMIT];

static long value_of(const struct argument *argument)
{
    switch (argument->kind) {
    case KIND_RESULT:
        return argument->value >= 0 && argument->value < RESULT_LIMIT ? results[argument->value] : -1;
    case KIND_BUFFER: return (long)scratch;
    default: return argument->value;
    }
}

// At least 1 when the step got through, 0 when what it looked for is not there, or a negative errno.
static long carry_out(const struct step *step, int index)
{
    long given[ARGUMENT_LIMIT];
    for (int at = 0; at < ARGUMENT_LIMIT; at++)
        given[at] = value_of(&step->arguments[at]);
    switch (step->operation) {
    case OP_CALL:
    case OP_TRY: {
        long result = call6((long)step->number, given[0], given[1], given[2], given[3], given[4],
                            given[5]);
        if (index < RESULT_LIMIT)
            results[index] = result;
        if (result < 0 && result > -4096)
            return step->operation == OP_TRY ? 1 : result;
        return 1;
    }
    case OP_FIND: return find(given[0], &step->arguments[1]);
    case OP_LISTED: return listed(given[0], &step->arguments[1]);
    case OP_IS: return given[0] == given[1];
    case OP_FORK: return stay(given[0]);
    case OP_HOG: return hog((unsigned long)given[0]);
    case OP_SCAN: return scan(given[0], given[1]);
    case OP_MACHINE32: return machine32();
    default: leave(3);
    }
}

static __attribute__((noreturn)) void act(__u32 number, unsigned long at, __u32 count)
{
    for (__u32 index = 0; index < count; index++) {
        struct step step = read_step(&at);
        long times = 1;
        if (step.operation == OP_REPEAT) {
            times = value_of(&step.arguments[0]);
            step = read_step(&at);
            index++;
        }
        for (; times > 0; times--) {
            long result = carry_out(&step, (int)index);
            if (result == 0)
                say(number, ABSENT, 0);
            else if (result < 0 && result > -4096)
                say(number, FAILED, (__s32)-result);
            else
                continue;
            leave(0);
        }
    }
    say(number, THROUGH, 0);
    leave(0);
}

void start(long *stack)
{
    (void)stack;
    for (;;) {
        if (script_size == sizeof script)
            leave(3);
        long count = CALL(read, 0, script + script_size, sizeof script - script_size, 0, 0, 0);
        if (count == -EINTR)
            continue;
        if (count < 0)
            leave(3);
        if (count == 0)
            break;
        script_size += (unsigned long)count;
    }
    unsigned long at = 0;
    for (__u32 number = 0; at < script_size; number++) {
        __u32 size = word(&at);
        __u32 count = word(&at);
        __u32 seconds = word(&at);
        if (at + size > script_size)
            leave(3);
        long child = CALL(clone, SIGCHLD, 0, 0, 0, 0, 0);
        if (child == 0) {
            CALL(setpgid, 0, 0, 0, 0, 0, 0);
            // One that hangs has not got through; what it would have said is said by its end.
            struct {
                struct { long seconds, rest; } again, first;
            } timer = {{0, 0}, {(long)seconds, 0}};
            CALL(setitimer, 0, &timer, 0, 0, 0, 0);
            act(number, at, count);
        }
        at += size;
        if (child < 0) {
            say(number, FAILED, (__s32)-child);
            continue;
        }
        int status = 0;
        while (CALL(wait4, child, &status, 0, 0, 0, 0) == -EINTR)
            ;
        if ((status & 0x7f) != 0)
            say(number, ENDED, status & 0x7f);
        CALL(kill, -child, SIGKILL, 0, 0, 0, 0); // what it left behind
        while (CALL(wait4, -1, &status, 1 /* WNOHANG */, 0, 0, 0) > 0)
            ;
    }
    leave(0);
}
