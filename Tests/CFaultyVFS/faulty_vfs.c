#include "faulty_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// What was written to a file since its last sync, oldest first. A NULL `bytes` is a truncation.
struct piece {
    struct piece *next;
    sqlite3_int64 offset;
    int length;
    unsigned char *bytes;
};

// One file, shared by all its handles: what reads see, and what the disk would keep.
struct node {
    struct node *next;
    char *path;
    int handles;
    unsigned char *content;
    sqlite3_int64 size;
    sqlite3_int64 room;
    struct piece *first, *last;
};

struct handle {
    sqlite3_file base;
    struct node *node;   // crash layer only
    sqlite3_file *real;  // lies behind this struct
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *below;
static struct node *nodes;
static int planned, lost;
static uint64_t seed_state, operations_left;
static int64_t growth_left;
static int writes_refused;
static uint64_t writes_passed;

static struct handle *of(sqlite3_file *file) { return (struct handle *)file; }

static uint64_t next_random(void) {  // splitmix64
    uint64_t z = (seed_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// --- contents in memory ---------------------------------------------------------------------

static int grow(struct node *node, sqlite3_int64 size) {
    if (size > node->room) {
        sqlite3_int64 room = size + size / 2 + 65536;
        unsigned char *content = realloc(node->content, (size_t)room);
        if (content == NULL) return SQLITE_IOERR_NOMEM;
        memset(content + node->room, 0, (size_t)(room - node->room));
        node->content = content;
        node->room = room;
    }
    if (size > node->size) node->size = size;
    return SQLITE_OK;
}

// What the disk keeps or loses as one, at most: a long write is not kept from its beginning on.
enum { MOST_KEPT_AS_ONE = 4096 };

static int remember_one(struct node *node, const void *bytes, int length, sqlite3_int64 offset) {
    struct piece *piece = calloc(1, sizeof(*piece));
    if (piece == NULL) return SQLITE_IOERR_NOMEM;
    piece->offset = offset;
    piece->length = length;
    if (bytes != NULL) {
        piece->bytes = malloc((size_t)length + 1);
        if (piece->bytes == NULL) {
            free(piece);
            return SQLITE_IOERR_NOMEM;
        }
        memcpy(piece->bytes, bytes, (size_t)length);
    }
    if (node->last != NULL) node->last->next = piece;
    else node->first = piece;
    node->last = piece;
    return SQLITE_OK;
}

static int remember(struct node *node, const void *bytes, int length, sqlite3_int64 offset) {
    for (int from = 0; from < length; from += MOST_KEPT_AS_ONE) {
        int count = length - from < MOST_KEPT_AS_ONE ? length - from : MOST_KEPT_AS_ONE;
        int code = remember_one(node, (const char *)bytes + from, count, offset + from);
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

static void write_out(struct node *node, sqlite3_file *real, int keep_all) {
    while (node->first != NULL) {
        struct piece *piece = node->first;
        int length = piece->length;
        int kept = 1;
        if (!keep_all) {
            uint64_t choice = next_random() % 4;  // half kept, a quarter lost, a quarter torn
            if (choice == 0) kept = 0;
            else if (choice == 1 && length > 1) length = (int)(next_random() % (uint64_t)length);
        }
        if (kept && piece->bytes != NULL) {
            real->pMethods->xWrite(real, piece->bytes, length, piece->offset);
        } else if (kept) {
            real->pMethods->xTruncate(real, piece->offset);
        }
        node->first = piece->next;
        free(piece->bytes);
        free(piece);
    }
    node->last = NULL;
}

// Opens files of the crash layer, so that a loss of power reaches all of them.
enum { MOST_HANDLES = 64 };
static struct handle *open_handles[MOST_HANDLES];

static void lose_power(void) {
    lost = 1;
    for (int i = 0; i < MOST_HANDLES; i++) {
        struct handle *handle = open_handles[i];
        if (handle != NULL) write_out(handle->node, handle->real, 0);
    }
}

// Counts one operation; 1 when power is gone.
static int counts_down(void) {
    if (lost) return 1;
    if (planned && operations_left-- == 0) lose_power();
    return lost;
}

static struct node *node_for(const char *path, sqlite3_file *real) {
    for (struct node *node = nodes; node != NULL; node = node->next) {
        if (strcmp(node->path, path) == 0) {
            node->handles++;
            return node;
        }
    }
    struct node *node = calloc(1, sizeof(*node));
    if (node == NULL) return NULL;
    node->path = strdup(path);
    sqlite3_int64 size = 0;
    if (node->path == NULL || real->pMethods->xFileSize(real, &size) != SQLITE_OK ||
        grow(node, size) != SQLITE_OK ||
        (size > 0 && real->pMethods->xRead(real, node->content, (int)size, 0) != SQLITE_OK)) {
        free(node->path);
        free(node->content);
        free(node);
        return NULL;
    }
    node->handles = 1;
    node->next = nodes;
    nodes = node;
    return node;
}

static void leave(struct node *node) {
    if (--node->handles > 0) return;
    for (struct node **link = &nodes; *link != NULL; link = &(*link)->next) {
        if (*link == node) {
            *link = node->next;
            break;
        }
    }
    free(node->path);
    free(node->content);
    free(node);
}

// --- the crash layer ------------------------------------------------------------------------

static int crash_close(sqlite3_file *file) {
    struct handle *handle = of(file);
    pthread_mutex_lock(&guard);
    if (handle->node != NULL) {
        if (!lost) write_out(handle->node, handle->real, 1);
        for (int i = 0; i < MOST_HANDLES; i++) {
            if (open_handles[i] == handle) open_handles[i] = NULL;
        }
        leave(handle->node);
        handle->node = NULL;
    }
    pthread_mutex_unlock(&guard);
    return handle->real->pMethods->xClose(handle->real);
}

static int crash_read(sqlite3_file *file, void *out, int length, sqlite3_int64 offset) {
    struct node *node = of(file)->node;
    int code = SQLITE_OK;
    pthread_mutex_lock(&guard);
    if (lost) {
        code = SQLITE_IOERR_READ;
    } else {
        sqlite3_int64 available = node->size - offset;
        if (available < 0) available = 0;
        int count = available < length ? (int)available : length;
        if (count > 0) memcpy(out, node->content + offset, (size_t)count);
        if (count < length) {
            memset((char *)out + count, 0, (size_t)(length - count));
            code = SQLITE_IOERR_SHORT_READ;
        }
    }
    pthread_mutex_unlock(&guard);
    return code;
}

static int crash_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
    struct node *node = of(file)->node;
    pthread_mutex_lock(&guard);
    int code = lost ? SQLITE_IOERR_WRITE : grow(node, offset + length);
    if (code == SQLITE_OK) code = remember(node, bytes, length, offset);
    if (code == SQLITE_OK) memcpy(node->content + offset, bytes, (size_t)length);
    if (code == SQLITE_OK && counts_down()) code = SQLITE_IOERR_WRITE;
    pthread_mutex_unlock(&guard);
    return code;
}

static int crash_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct node *node = of(file)->node;
    pthread_mutex_lock(&guard);
    int code = lost ? SQLITE_IOERR_TRUNCATE : remember_one(node, NULL, 0, size);
    if (code == SQLITE_OK && size < node->size) {
        memset(node->content + size, 0, (size_t)(node->size - size));
        node->size = size;
    }
    pthread_mutex_unlock(&guard);
    return code;
}

static int crash_sync(sqlite3_file *file, int flags) {
    (void)flags;
    struct handle *handle = of(file);
    pthread_mutex_lock(&guard);
    int code = counts_down() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    if (code == SQLITE_OK) write_out(handle->node, handle->real, 1);
    pthread_mutex_unlock(&guard);
    return code;
}

static int crash_size(sqlite3_file *file, sqlite3_int64 *size) {
    pthread_mutex_lock(&guard);
    *size = of(file)->node->size;
    int code = lost ? SQLITE_IOERR_FSTAT : SQLITE_OK;
    pthread_mutex_unlock(&guard);
    return code;
}

// --- the limited layer ----------------------------------------------------------------------

static int limited_close(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xClose(real);
}

static int limited_read(sqlite3_file *file, void *out, int length, sqlite3_int64 offset) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xRead(real, out, length, offset);
}

static int limited_write(sqlite3_file *file, const void *bytes, int length,
                         sqlite3_int64 offset) {
    sqlite3_file *real = of(file)->real;
    sqlite3_int64 size = 0;
    int code = real->pMethods->xFileSize(real, &size);
    if (code != SQLITE_OK) return code;
    pthread_mutex_lock(&guard);
    sqlite3_int64 growth = offset + length > size ? offset + length - size : 0;
    if (writes_refused) code = SQLITE_IOERR_WRITE;
    else if (growth > growth_left) code = SQLITE_FULL;
    else growth_left -= growth;
    if (code == SQLITE_OK) writes_passed++;
    pthread_mutex_unlock(&guard);
    return code == SQLITE_OK ? real->pMethods->xWrite(real, bytes, length, offset) : code;
}

static int limited_truncate(sqlite3_file *file, sqlite3_int64 size) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xTruncate(real, size);
}

static int limited_sync(sqlite3_file *file, int flags) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xSync(real, flags);
}

static int limited_size(sqlite3_file *file, sqlite3_int64 *size) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xFileSize(real, size);
}

// --- what both pass on ----------------------------------------------------------------------

static int pass_lock(sqlite3_file *file, int level) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xLock(real, level);
}

static int pass_unlock(sqlite3_file *file, int level) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xUnlock(real, level);
}

static int pass_check(sqlite3_file *file, int *out) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xCheckReservedLock(real, out);
}

static int pass_control(sqlite3_file *file, int operation, void *argument) {
    // Hints about size would write behind our back.
    if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) {
        return SQLITE_OK;
    }
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xFileControl(real, operation, argument);
}

static int pass_sector(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xSectorSize(real);
}

static int pass_traits(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

static int pass_shm_map(sqlite3_file *file, int page, int size, int extend,
                        void volatile **out) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int pass_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xShmLock(real, offset, count, flags);
}

static void pass_shm_barrier(sqlite3_file *file) {
    sqlite3_file *real = of(file)->real;
    real->pMethods->xShmBarrier(real);
}

static int pass_shm_unmap(sqlite3_file *file, int delete_it) {
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xShmUnmap(real, delete_it);
}

// Version 2: shared memory for the write-ahead log, no memory mapping of the file.
static const sqlite3_io_methods crash_methods = {
    2, crash_close, crash_read, crash_write, crash_truncate, crash_sync, crash_size,
    pass_lock, pass_unlock, pass_check, pass_control, pass_sector, pass_traits,
    pass_shm_map, pass_shm_lock, pass_shm_barrier, pass_shm_unmap, NULL, NULL,
};

static const sqlite3_io_methods limited_methods = {
    2, limited_close, limited_read, limited_write, limited_truncate, limited_sync, limited_size,
    pass_lock, pass_unlock, pass_check, pass_control, pass_sector, pass_traits,
    pass_shm_map, pass_shm_lock, pass_shm_barrier, pass_shm_unmap, NULL, NULL,
};

static int open_below(const char *path, sqlite3_file *file, int flags, int *flags_out) {
    struct handle *handle = of(file);
    handle->node = NULL;
    handle->real = (sqlite3_file *)(handle + 1);
    return below->xOpen(below, path, handle->real, flags, flags_out);
}

static int limited_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int *flags_out) {
    (void)vfs;
    int code = open_below(path, file, flags, flags_out);
    file->pMethods = code == SQLITE_OK ? &limited_methods : NULL;
    return code;
}

static int crash_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *flags_out) {
    (void)vfs;
    struct handle *handle = of(file);
    file->pMethods = NULL;
    if (path == NULL) return SQLITE_CANTOPEN;
    int code = open_below(path, file, flags, flags_out);
    if (code != SQLITE_OK) return code;
    pthread_mutex_lock(&guard);
    int slot = 0;
    while (slot < MOST_HANDLES && open_handles[slot] != NULL) slot++;
    if (!lost && slot < MOST_HANDLES) handle->node = node_for(path, handle->real);
    if (handle->node != NULL) open_handles[slot] = handle;
    pthread_mutex_unlock(&guard);
    if (handle->node == NULL) {
        handle->real->pMethods->xClose(handle->real);
        return SQLITE_CANTOPEN;
    }
    file->pMethods = &crash_methods;
    return SQLITE_OK;
}

static int register_layer(sqlite3_vfs *layer, const char *name,
                          int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *)) {
    if (layer->zName != NULL) return 0;
    below = sqlite3_vfs_find(NULL);
    if (below == NULL) return -SQLITE_ERROR;
    *layer = *below;
    layer->pNext = NULL;
    layer->zName = name;
    layer->szOsFile = (int)sizeof(struct handle) + below->szOsFile;
    layer->xOpen = open;
    int code = sqlite3_vfs_register(layer, 0);
    return code == SQLITE_OK ? 0 : -code;
}

int faulty_crash_begin(uint64_t seed, uint64_t operations) {
    static sqlite3_vfs layer;
    pthread_mutex_lock(&guard);
    int code = register_layer(&layer, "crash", crash_open);
    planned = 1;
    lost = 0;
    seed_state = seed;
    operations_left = operations;
    pthread_mutex_unlock(&guard);
    return code;
}

int faulty_crash_end(void) {
    pthread_mutex_lock(&guard);
    int was_lost = lost;
    planned = 0;
    lost = 0;
    pthread_mutex_unlock(&guard);
    return was_lost;
}

int faulty_limit(int64_t bytes, int read_only) {
    static sqlite3_vfs layer;
    pthread_mutex_lock(&guard);
    int code = register_layer(&layer, "limited", limited_open);
    growth_left = bytes;
    writes_refused = read_only;
    pthread_mutex_unlock(&guard);
    return code;
}

uint64_t faulty_writes(void) {
    pthread_mutex_lock(&guard);
    uint64_t count = writes_passed;
    pthread_mutex_unlock(&guard);
    return count;
}
