// One HTTP/2 connection in memory: bytes of the peer go in, bytes for the peer come out, and whoever
// owns the socket moves them. Nothing here waits, and nothing is called back but from within
// `cnghttp2_receive` and `cnghttp2_send`.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct cnghttp2_session cnghttp2_session;

typedef enum {
    // A frame begins; `code` is its type, `length` that of its payload, `flags` as they came.
    CNGHTTP2_FRAME = 1,
    // A frame broke a rule; the stream or the connection is reset on its own.
    CNGHTTP2_BAD_FRAME,
    CNGHTTP2_HEAD_BEGINS,
    // One field: `name`, and its value in `bytes`.
    CNGHTTP2_FIELD,
    // A field whose name or value may not be; dropped unless the handler refuses.
    CNGHTTP2_BAD_FIELD,
    // With 1 in `flags` there is nothing after it.
    CNGHTTP2_HEAD_ENDS,
    CNGHTTP2_DATA,
    // The peer sends nothing more on the stream.
    CNGHTTP2_END,
    // The stream is over, for the reason in `code`.
    CNGHTTP2_CLOSED,
    // `stream` is the last one the peer works on.
    CNGHTTP2_GOING_AWAY,
    CNGHTTP2_HEAD_SENT,
    CNGHTTP2_DATA_SENT,
    // We have sent our last frame on the stream.
    CNGHTTP2_END_SENT,
} cnghttp2_kind;

typedef struct {
    cnghttp2_kind kind;
    int32_t stream;
    uint32_t code;
    uint32_t flags;
    // Valid during the call only.
    const uint8_t *_Nullable name;
    size_t name_length;
    const uint8_t *_Nullable bytes;
    size_t length;
} cnghttp2_event;

typedef struct {
    int is_server;
    // Streams of the peer at once.
    uint32_t stream_count;
    // Largest list of fields taken, as told to the peer.
    uint32_t head_length;
    // What the peer may send before it has to wait, of one stream and of all.
    uint32_t stream_window, window;
    // Resets of streams by the peer: so many, and so many more each second.
    uint64_t reset_burst, reset_rate;
} cnghttp2_limits;

// What happened; 0, or anything else to end the connection.
typedef int (*cnghttp2_handler)(const cnghttp2_event *event, void *context);

// Bytes of the body that goes out on a stream, into `out`: how many, at most `room`. 0 with
// `is_last` unset puts the stream to sleep until `cnghttp2_resume`.
typedef size_t (*cnghttp2_source)(int32_t stream, uint8_t *out, size_t room, int *is_last,
                                  void *context);

// NULL without memory; freed by the caller.
cnghttp2_session *_Nullable cnghttp2_new(const cnghttp2_limits *limits, cnghttp2_handler handler,
                                         cnghttp2_source source);
void cnghttp2_free(cnghttp2_session *session);

enum { CNGHTTP2_FLOODED = -1 };

// Takes bytes of the peer; 0, FLOODED when it sends what only costs, or another negative number.
// After either nothing more can be taken.
int cnghttp2_receive(cnghttp2_session *session, const uint8_t *bytes, size_t length, void *context);
// The next bytes for the peer, which stay valid until the next call: how many, 0 for none now, or a
// negative number.
long cnghttp2_send(cnghttp2_session *session, const uint8_t *_Nullable *_Nonnull bytes,
                   void *context);
// Whether the connection has nothing left to do.
int cnghttp2_is_done(cnghttp2_session *session);

// A head: `bytes` holds all names and values one after the other, `lengths` one number for each of
// them, `count` counts fields. With `has_body` the source is asked for it.
int cnghttp2_respond(cnghttp2_session *session, int32_t stream, const uint8_t *bytes,
                     const uint32_t *lengths, size_t count, int has_body);
// `100 Continue` and its like: another head follows.
int cnghttp2_inform(cnghttp2_session *session, int32_t stream, const uint8_t *bytes,
                    const uint32_t *lengths, size_t count);
// The stream's number, or a negative number.
int32_t cnghttp2_request(cnghttp2_session *session, const uint8_t *bytes, const uint32_t *lengths,
                         size_t count, int has_body);

int cnghttp2_resume(cnghttp2_session *session, int32_t stream);
int cnghttp2_reset(cnghttp2_session *session, int32_t stream, uint32_t code);
// Bytes of a stream's data were dealt with: the peer may send as many more.
int cnghttp2_consume(cnghttp2_session *session, int32_t stream, size_t length);
// Takes no new streams; those that are open go on.
int cnghttp2_go_away(cnghttp2_session *session, uint32_t code);
// Ends all of it at once.
int cnghttp2_terminate(cnghttp2_session *session, uint32_t code);

#pragma clang assume_nonnull end
