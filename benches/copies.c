// Counts what memcpy and memmove copy, for account.py: two numbers in the file that COPIES names, calls and bytes.
// gcc -O2 -shared -fPIC -fno-builtin -fno-tree-loop-distribute-patterns copies.c -o copies.so

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t unseen[2];
static _Atomic uint64_t *counters = unseen;

__attribute__((constructor)) static void open_counters(void) {
    const char *path = getenv("COPIES");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof unseen, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) counters = page;
    close(file);
}

static void count(size_t size) {
    atomic_fetch_add_explicit(&counters[0], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters[1], size, memory_order_relaxed);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    count(size);
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    count(size);
    char *end = (char *)to + size;
    const char *last = (const char *)from + size;
    if ((uintptr_t)to - (uintptr_t)from >= size) {
        void *at = to;
        __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    } else {
        while (end != (char *)to) *--end = *--last;
    }
    return to;
}
