// SQLite behind small calls.
//
// Results: 0 is success, a negative number is minus SQLite's extended result code. A connection
// and its statements belong to one thread at a time (SQLite's multi-thread mode).
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct csqlite_connection csqlite_connection;
typedef struct csqlite_statement csqlite_statement;

// CSQLITE_JOIN_WRITES: what one commit writes to the write-ahead log goes to the kernel at once; for
// the connection that writes, where no other does.
enum { CSQLITE_READ_ONLY = 1, CSQLITE_CREATE = 2, CSQLITE_JOIN_WRITES = 4 };

// Opens a database; `vfs` names another file layer or is NULL. On success `*out` is to be closed
// with csqlite_close, on failure it is NULL.
int csqlite_open(const char *path, int flags, const char *_Nullable vfs,
                 csqlite_connection *_Nullable *_Nonnull out);

// Finalised statements are the caller's duty before this.
void csqlite_close(csqlite_connection *connection);

// Runs one or more statements without parameters or rows.
int csqlite_execute(csqlite_connection *connection, const char *sql);

// The text of the last failure; valid until the next call on the connection.
const char *csqlite_message(csqlite_connection *connection);

int csqlite_prepare(csqlite_connection *connection, const char *sql,
                    csqlite_statement *_Nullable *_Nonnull out);
void csqlite_finalize(csqlite_statement *statement);
void csqlite_reset(csqlite_statement *statement);

// Parameters count from 1; bytes are copied.
int csqlite_bind_integer(csqlite_statement *statement, int index, int64_t value);
int csqlite_bind_bytes(csqlite_statement *statement, int index, const uint8_t *_Nullable bytes,
                       size_t length);
// The same without a copy: the bytes stay until the statement is reset.
int csqlite_bind_bytes_in_place(csqlite_statement *statement, int index,
                                const uint8_t *_Nullable bytes, size_t length);
int csqlite_bind_text(csqlite_statement *statement, int index, const uint8_t *_Nullable bytes,
                      size_t length);
int csqlite_bind_null(csqlite_statement *statement, int index);

// 1 for a row, 0 when done.
int csqlite_step(csqlite_statement *statement);

// Columns count from 0; the bytes live until the next step or reset. NULL when there are none.
int64_t csqlite_column_integer(csqlite_statement *statement, int column);
int csqlite_column_is_null(csqlite_statement *statement, int column);
const uint8_t *_Nullable csqlite_column_bytes(csqlite_statement *statement, int column,
                                              size_t *length);

// Frames in the write-ahead log after the last commit on this connection.
int csqlite_wal_frames(csqlite_connection *connection);

// Keeps the write-ahead log's file when the last connection closes.
int csqlite_keep_wal(csqlite_connection *connection);

// Copies what can be copied from the write-ahead log into the database; with `truncate`
// empties the log, which needs every reader to be done with it: `waits` for them, or is busy.
int csqlite_checkpoint(csqlite_connection *connection, int truncate, int waits);

// What the failure was, for a decision; the argument is a negative result.
int csqlite_is_full(int result);
int csqlite_is_busy(int result);
int csqlite_is_failed_sync(int result);
int csqlite_is_corrupt(int result);

#pragma clang assume_nonnull end
