#include "csqlite.h"
#include "joining.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

struct csqlite_connection {
    sqlite3 *db;
    int wal_frames;
};

static sqlite3_stmt *raw(csqlite_statement *statement) { return (sqlite3_stmt *)statement; }

static int failed(int code) { return code == SQLITE_OK ? 0 : -code; }

static int after_commit(void *context, sqlite3 *db, const char *name, int frames) {
    (void)db;
    (void)name;
    ((csqlite_connection *)context)->wal_frames = frames;
    return SQLITE_OK;
}

// Statistics of memory cost a mutex at every allocation, and nobody reads them.
static void configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// How long a connection waits for another one.
enum { BUSY_MILLISECONDS = 5000 };

int csqlite_open(const char *path, int flags, const char *vfs, csqlite_connection **out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    *out = NULL;
    if (flags & CSQLITE_JOIN_WRITES && (vfs = joining_layer(vfs)) == NULL) return -SQLITE_NOMEM;
    csqlite_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) return -SQLITE_NOMEM;
    int mode = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
               (flags & CSQLITE_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
               (flags & CSQLITE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &connection->db, mode, vfs);
    if (code != SQLITE_OK) {
        sqlite3_close(connection->db);
        free(connection);
        return failed(code);
    }
    // Takes the place of SQLite's own hook, which would copy the log in the middle of a commit; the
    // setting wal_autocheckpoint would put that one back.
    sqlite3_wal_hook(connection->db, after_commit, connection);
    sqlite3_busy_timeout(connection->db, BUSY_MILLISECONDS);
    *out = connection;
    return 0;
}

void csqlite_close(csqlite_connection *connection) {
    sqlite3_close(connection->db);
    free(connection);
}

int csqlite_execute(csqlite_connection *connection, const char *sql) {
    return failed(sqlite3_exec(connection->db, sql, NULL, NULL, NULL));
}

const char *csqlite_message(csqlite_connection *connection) {
    return sqlite3_errmsg(connection->db);
}

int csqlite_prepare(csqlite_connection *connection, const char *sql, csqlite_statement **out) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                                  NULL);
    *out = (csqlite_statement *)statement;
    return failed(code);
}

void csqlite_finalize(csqlite_statement *statement) { sqlite3_finalize(raw(statement)); }

void csqlite_reset(csqlite_statement *statement) {
    sqlite3_reset(raw(statement));
    sqlite3_clear_bindings(raw(statement));
}

int csqlite_bind_integer(csqlite_statement *statement, int index, int64_t value) {
    return failed(sqlite3_bind_int64(raw(statement), index, value));
}

static int bind_bytes(csqlite_statement *statement, int index, const uint8_t *bytes, size_t length,
                      sqlite3_destructor_type lifetime) {
    if (length == 0) return failed(sqlite3_bind_zeroblob(raw(statement), index, 0));
    return failed(sqlite3_bind_blob64(raw(statement), index, bytes, length, lifetime));
}

int csqlite_bind_bytes(csqlite_statement *statement, int index, const uint8_t *bytes,
                       size_t length) {
    return bind_bytes(statement, index, bytes, length, SQLITE_TRANSIENT);
}

int csqlite_bind_bytes_in_place(csqlite_statement *statement, int index, const uint8_t *bytes,
                                size_t length) {
    return bind_bytes(statement, index, bytes, length, SQLITE_STATIC);
}

int csqlite_bind_text(csqlite_statement *statement, int index, const uint8_t *bytes,
                      size_t length) {
    return failed(sqlite3_bind_text64(raw(statement), index,
                                      bytes ? (const char *)bytes : "", length,
                                      SQLITE_TRANSIENT, SQLITE_UTF8));
}

int csqlite_bind_null(csqlite_statement *statement, int index) {
    return failed(sqlite3_bind_null(raw(statement), index));
}

int csqlite_step(csqlite_statement *statement) {
    int code = sqlite3_step(raw(statement));
    if (code == SQLITE_ROW) return 1;
    return code == SQLITE_DONE ? 0 : -code;
}

int64_t csqlite_column_integer(csqlite_statement *statement, int column) {
    return sqlite3_column_int64(raw(statement), column);
}

int csqlite_column_is_null(csqlite_statement *statement, int column) {
    return sqlite3_column_type(raw(statement), column) == SQLITE_NULL;
}

const uint8_t *csqlite_column_bytes(csqlite_statement *statement, int column, size_t *length) {
    const void *bytes = sqlite3_column_blob(raw(statement), column);
    int count = sqlite3_column_bytes(raw(statement), column);
    *length = count > 0 ? (size_t)count : 0;
    return bytes;
}

int csqlite_wal_frames(csqlite_connection *connection) { return connection->wal_frames; }

int csqlite_keep_wal(csqlite_connection *connection) {
    int keep = 1;
    return failed(
        sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep));
}

int csqlite_checkpoint(csqlite_connection *connection, int truncate, int waits) {
    int frames = 0;
    int copied = 0;
    if (!waits) sqlite3_busy_timeout(connection->db, 0);
    int code = sqlite3_wal_checkpoint_v2(
        connection->db, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        &frames, &copied);
    if (!waits) sqlite3_busy_timeout(connection->db, BUSY_MILLISECONDS);
    return failed(code);
}

static int primary(int result) { return -result & 0xff; }

int csqlite_is_full(int result) { return primary(result) == SQLITE_FULL; }

int csqlite_is_busy(int result) {
    return primary(result) == SQLITE_BUSY || primary(result) == SQLITE_LOCKED;
}

int csqlite_is_failed_sync(int result) {
    return -result == SQLITE_IOERR_FSYNC || -result == SQLITE_IOERR_DIR_FSYNC;
}

int csqlite_is_corrupt(int result) {
    return primary(result) == SQLITE_CORRUPT || primary(result) == SQLITE_NOTADB;
}
