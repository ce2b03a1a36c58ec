// System calls and an entry point without a libc, for the two programs round a cage.
// Each is one translation unit; x86-64 and aarch64.
#pragma once

#include <asm/unistd.h>

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "gatehouse knows x86-64 and aarch64"
#endif
}

#define CALL(name, a, b, c, d, e, f)                                                               \
    call6(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

// The compiler may emit calls to these for copies and initialisers.
void *memset(void *to, int value, unsigned long count);
void *memset(void *to, int value, unsigned long count)
{
    for (unsigned char *at = to; count > 0; count--)
        *at++ = (unsigned char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, unsigned long count);
void *memcpy(void *restrict to, const void *restrict from, unsigned long count)
{
    const unsigned char *source = from;
    for (unsigned char *at = to; count > 0; count--)
        *at++ = *source++;
    return to;
}

// The entry: `stack` holds argc, then argv, a null, the environment, a null.
__attribute__((noreturn, used)) void start(long *stack);

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start\n");
#endif
