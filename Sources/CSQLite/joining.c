#include "joining.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// SQLite writes each frame of a write-ahead log in two pieces, 24 bytes and a page, and reads them
// one by one when it copies the log into the database. Each is a call to the kernel that costs more
// than the bytes. This layer holds pieces back that follow on each other, and reads ahead.
//
// INVARIANT: nothing is held back when the write of a transaction's last frame returns, nor when a
// sync, a read, a truncation or a question begins. What cannot be written is told by that call, as
// SQLite expects of it; the pieces are of no commit then, and nothing reads them again.
//
// Only the connection that writes may use it. Others read through the layer below: the index of the
// log, which lies in the database's file, shows them no frame before its commit is written.

// What is held at most; a commit of sixteen calls is about 40 KiB.
enum { ROOM = 128 << 10 };

struct log_file {
    sqlite3_file base;
    sqlite3_file *real;  // lies behind this struct
    // `length` bytes of the file from `start` on; with `is_held` they are still to be written.
    unsigned char *bytes;
    sqlite3_int64 start;
    int length;
    int is_held;
    int is_last;             // the next piece is the page of a transaction's last frame
    sqlite3_int64 read_end;  // where the last read ended
};

static struct log_file *of(sqlite3_file *file) { return (struct log_file *)file; }

static int write_out(struct log_file *log) {
    if (!log->is_held) return SQLITE_OK;
    log->is_held = 0;
    int code = log->real->pMethods->xWrite(log->real, log->bytes, log->length, log->start);
    if (code != SQLITE_OK) log->length = 0;
    return code;
}

static int has(const struct log_file *log, int length, sqlite3_int64 offset) {
    return offset >= log->start && offset + length <= log->start + log->length;
}

// Whether the piece is the header of a frame that ends a transaction: its second number is the size
// of the database then, and 0 in all others (sqlite.org/fileformat2.html, 4.1). A page has 512 bytes
// at least, the header of the whole log 32.
static int ends_transaction(const unsigned char *bytes, int length) {
    return length == 24 && (bytes[4] | bytes[5] | bytes[6] | bytes[7]) != 0;
}

static int log_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
    struct log_file *log = of(file);
    int follows = log->is_held && offset == log->start + log->length && length <= ROOM - log->length;
    if (!follows) {
        int code = write_out(log);
        log->length = 0;
        if (code != SQLITE_OK) return code;
        if (length > ROOM) return log->real->pMethods->xWrite(log->real, bytes, length, offset);
        log->start = offset;
    }
    memcpy(log->bytes + log->length, bytes, (size_t)length);
    log->length += length;
    log->is_held = 1;
    int is_last = log->is_last;
    log->is_last = ends_transaction(bytes, length);
    return is_last ? write_out(log) : SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *out, int length, sqlite3_int64 offset) {
    struct log_file *log = of(file);
    int code = write_out(log);
    if (code != SQLITE_OK) return code;
    // Frames are copied in the order of their pages, which is nearly that of the log.
    int goes_on = offset >= log->read_end && offset - log->read_end < ROOM / 2;
    log->read_end = offset + length;
    if (!has(log, length, offset) && goes_on && length <= ROOM / 2) {
        log->start = offset;
        code = log->real->pMethods->xRead(log->real, log->bytes, ROOM, offset);
        // Too short near the end of the file: it says no more than that.
        log->length = code == SQLITE_OK ? ROOM : 0;
    }
    if (!has(log, length, offset)) {
        return log->real->pMethods->xRead(log->real, out, length, offset);
    }
    memcpy(out, log->bytes + (offset - log->start), (size_t)length);
    return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct log_file *log = of(file);
    int code = write_out(log);
    log->length = 0;
    return code == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : code;
}

static int log_sync(sqlite3_file *file, int flags) {
    struct log_file *log = of(file);
    int code = write_out(log);
    return code == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
    struct log_file *log = of(file);
    int code = write_out(log);
    return code == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, size) : code;
}

static int log_close(sqlite3_file *file) {
    struct log_file *log = of(file);
    // Held is at most what no commit was told of.
    write_out(log);
    free(log->bytes);
    log->bytes = NULL;
    return log->real->pMethods->xClose(log->real);
}

// --- passed on ------------------------------------------------------------------------------

static int log_lock(sqlite3_file *file, int level) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xLock(real, level);
}

static int log_unlock(sqlite3_file *file, int level) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xUnlock(real, level);
}

static int log_check(sqlite3_file *file, int *out) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xCheckReservedLock(real, out);
}

static int log_control(sqlite3_file *file, int operation, void *argument) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xFileControl(real, operation, argument);
}

static int log_sector(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xSectorSize(real);
}

static int log_traits(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

// Version 1: neither shared memory nor mapping, which no write-ahead log has.
static const sqlite3_io_methods log_methods = {
    1, log_close, log_read, log_write, log_truncate, log_sync, log_size, log_lock, log_unlock,
    log_check, log_control, log_sector, log_traits, NULL, NULL, NULL, NULL, NULL, NULL,
};

// --- the layer ------------------------------------------------------------------------------

struct layer {
    sqlite3_vfs base;
    sqlite3_vfs *below;
    char name[64];
};

static int layer_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *flags_out) {
    sqlite3_vfs *below = ((struct layer *)vfs)->below;
    if (!(flags & SQLITE_OPEN_WAL)) return below->xOpen(below, path, file, flags, flags_out);
    struct log_file *log = of(file);
    memset(log, 0, sizeof(*log));
    log->bytes = malloc(ROOM);
    if (log->bytes == NULL) return SQLITE_NOMEM;
    log->real = (sqlite3_file *)(log + 1);
    int code = below->xOpen(below, path, log->real, flags, flags_out);
    if (code == SQLITE_OK) {
        file->pMethods = &log_methods;
    } else {
        free(log->bytes);
    }
    return code;
}

const char *joining_layer(const char *below_name) {
    static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
    sqlite3_vfs *below = sqlite3_vfs_find(below_name);
    if (below == NULL) return NULL;
    char name[64];
    sqlite3_snprintf(sizeof(name), name, "joining-%s", below->zName);
    pthread_mutex_lock(&guard);
    struct layer *layer = (struct layer *)sqlite3_vfs_find(name);
    if (layer == NULL && (layer = calloc(1, sizeof(*layer))) != NULL) {
        layer->base = *below;
        layer->below = below;
        memcpy(layer->name, name, sizeof(name));
        layer->base.pNext = NULL;
        layer->base.zName = layer->name;
        layer->base.szOsFile = (int)sizeof(struct log_file) + below->szOsFile;
        layer->base.xOpen = layer_open;
        if (sqlite3_vfs_register(&layer->base, 0) != SQLITE_OK) {
            free(layer);
            layer = NULL;
        }
    }
    pthread_mutex_unlock(&guard);
    return layer == NULL ? NULL : layer->name;
}
