#include "cnghttp2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_LIMIT = 128 };

struct cnghttp2_session {
    nghttp2_session *session;
    cnghttp2_handler handler;
    cnghttp2_source source;
    // Of the call under way.
    void *context;
};

static int tell(cnghttp2_session *self, const cnghttp2_event *event) {
    if (!self->context) return 0;
    return self->handler(event, self->context) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *user) {
    (void)session;
    return tell(user, &(cnghttp2_event){
                          .kind = CNGHTTP2_FRAME,
                          .stream = head->stream_id,
                          .code = head->type,
                          .flags = head->flags,
                          .length = head->length,
                      });
}

static int on_bad_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                        void *user) {
    (void)session;
    (void)code;
    return tell(user, &(cnghttp2_event){.kind = CNGHTTP2_BAD_FRAME, .stream = frame->hd.stream_id});
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)session;
    return tell(user,
                &(cnghttp2_event){.kind = CNGHTTP2_HEAD_BEGINS, .stream = frame->hd.stream_id});
}

static int field(cnghttp2_kind kind, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                 nghttp2_rcbuf *value, void *user) {
    nghttp2_vec name_bytes = nghttp2_rcbuf_get_buf(name);
    nghttp2_vec value_bytes = nghttp2_rcbuf_get_buf(value);
    return tell(user, &(cnghttp2_event){
                          .kind = kind,
                          .stream = frame->hd.stream_id,
                          .name = name_bytes.base,
                          .name_length = name_bytes.len,
                          .bytes = value_bytes.base,
                          .length = value_bytes.len,
                      });
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                    nghttp2_rcbuf *value, uint8_t flags, void *user) {
    (void)session;
    (void)flags;
    return field(CNGHTTP2_FIELD, frame, name, value, user);
}

static int on_bad_field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                        nghttp2_rcbuf *value, uint8_t flags, void *user) {
    (void)session;
    (void)flags;
    return field(CNGHTTP2_BAD_FIELD, frame, name, value, user);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)session;
    int32_t stream = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        return tell(user, &(cnghttp2_event){
                              .kind = CNGHTTP2_GOING_AWAY,
                              .stream = frame->goaway.last_stream_id,
                              .code = frame->goaway.error_code,
                          });
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        int status = tell(user, &(cnghttp2_event){
                                    .kind = CNGHTTP2_HEAD_ENDS,
                                    .stream = stream,
                                    .flags = frame->hd.flags,
                                });
        if (status != 0) return status;
    }
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    return tell(user, &(cnghttp2_event){.kind = CNGHTTP2_END, .stream = stream});
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t length, void *user) {
    (void)session;
    (void)flags;
    return tell(user, &(cnghttp2_event){
                          .kind = CNGHTTP2_DATA,
                          .stream = stream,
                          .bytes = bytes,
                          .length = length,
                      });
}

static int on_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
    (void)session;
    return tell(user,
                &(cnghttp2_event){.kind = CNGHTTP2_CLOSED, .stream = stream, .code = code});
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)session;
    int32_t stream = frame->hd.stream_id;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    cnghttp2_kind kind =
        frame->hd.type == NGHTTP2_HEADERS ? CNGHTTP2_HEAD_SENT : CNGHTTP2_DATA_SENT;
    int status = tell(user, &(cnghttp2_event){.kind = kind, .stream = stream});
    if (status != 0 || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return status;
    return tell(user, &(cnghttp2_event){.kind = CNGHTTP2_END_SENT, .stream = stream});
}

static ssize_t read_source(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *user) {
    (void)session;
    (void)source;
    cnghttp2_session *self = user;
    int is_last = 0;
    if (!self->context) return NGHTTP2_ERR_CALLBACK_FAILURE;
    size_t count = self->source(stream, out, room, &is_last, self->context);
    if (count > room) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (is_last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return count == 0 && !is_last ? NGHTTP2_ERR_DEFERRED : (ssize_t)count;
}

static nghttp2_session_callbacks *new_callbacks(void) {
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) return NULL;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_bad_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_field);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_bad_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    return callbacks;
}

static nghttp2_option *new_option(const cnghttp2_limits *limits) {
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0) return NULL;
    // The peer may send on when bytes were dealt with, not when they were read.
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    nghttp2_option_set_max_outbound_ack(option, 100);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_continuations(option, 8);
    nghttp2_option_set_stream_reset_rate_limit(option, limits->reset_burst, limits->reset_rate);
    return option;
}

static int start(nghttp2_session *session, const cnghttp2_limits *limits) {
    nghttp2_settings_entry settings[4];
    size_t count = 0;
    if (limits->is_server) {
        settings[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                     limits->stream_count};
        settings[count++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    } else {
        settings[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    }
    settings[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->stream_window};
    settings[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_length};
    int status = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, count);
    if (status != 0) return status;
    return nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)limits->window);
}

cnghttp2_session *cnghttp2_new(const cnghttp2_limits *limits, cnghttp2_handler handler,
                               cnghttp2_source source) {
    cnghttp2_session *self = calloc(1, sizeof *self);
    nghttp2_session_callbacks *callbacks = new_callbacks();
    nghttp2_option *option = new_option(limits);
    int status = NGHTTP2_ERR_NOMEM;
    if (self && callbacks && option) {
        self->handler = handler;
        self->source = source;
        status = limits->is_server
                     ? nghttp2_session_server_new2(&self->session, callbacks, self, option)
                     : nghttp2_session_client_new2(&self->session, callbacks, self, option);
        if (status == 0) status = start(self->session, limits);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (status == 0) return self;
    if (self) cnghttp2_free(self);
    return NULL;
}

void cnghttp2_free(cnghttp2_session *self) {
    nghttp2_session_del(self->session);
    free(self);
}

int cnghttp2_receive(cnghttp2_session *self, const uint8_t *bytes, size_t length, void *context) {
    self->context = context;
    ssize_t count = nghttp2_session_mem_recv(self->session, bytes, length);
    self->context = NULL;
    if (count == NGHTTP2_ERR_FLOODED || count == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
        return CNGHTTP2_FLOODED;
    return count < 0 ? (int)count : 0;
}

long cnghttp2_send(cnghttp2_session *self, const uint8_t **bytes, void *context) {
    self->context = context;
    long count = nghttp2_session_mem_send(self->session, bytes);
    self->context = NULL;
    return count;
}

int cnghttp2_is_done(cnghttp2_session *self) {
    return !nghttp2_session_want_read(self->session) && !nghttp2_session_want_write(self->session);
}

static int take_fields(nghttp2_nv *fields, const uint8_t *bytes, const uint32_t *lengths,
                       size_t count) {
    if (count > FIELD_LIMIT) return NGHTTP2_ERR_INVALID_ARGUMENT;
    // nghttp2 takes names and values by pointers that are not const, and copies them.
    uint8_t *place = (uint8_t *)bytes;
    for (size_t i = 0; i < count; i++) {
        fields[i].name = place;
        fields[i].namelen = lengths[2 * i];
        place += lengths[2 * i];
        fields[i].value = place;
        fields[i].valuelen = lengths[2 * i + 1];
        place += lengths[2 * i + 1];
        // RFC 7541 section 7.1.3: a secret has no place in a table that lasts.
        int is_secret =
            fields[i].namelen == 13 && memcmp(fields[i].name, "authorization", 13) == 0;
        fields[i].flags = is_secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    }
    return 0;
}

int cnghttp2_respond(cnghttp2_session *self, int32_t stream, const uint8_t *bytes,
                     const uint32_t *lengths, size_t count, int has_body) {
    nghttp2_nv fields[FIELD_LIMIT];
    int status = take_fields(fields, bytes, lengths, count);
    if (status != 0) return status;
    nghttp2_data_provider provider = {.source = {.ptr = NULL}, .read_callback = read_source};
    return nghttp2_submit_response(self->session, stream, fields, count,
                                   has_body ? &provider : NULL);
}

int cnghttp2_inform(cnghttp2_session *self, int32_t stream, const uint8_t *bytes,
                    const uint32_t *lengths, size_t count) {
    nghttp2_nv fields[FIELD_LIMIT];
    int status = take_fields(fields, bytes, lengths, count);
    if (status != 0) return status;
    return nghttp2_submit_headers(self->session, NGHTTP2_FLAG_NONE, stream, NULL, fields, count,
                                  NULL);
}

int32_t cnghttp2_request(cnghttp2_session *self, const uint8_t *bytes, const uint32_t *lengths,
                         size_t count, int has_body) {
    nghttp2_nv fields[FIELD_LIMIT];
    int status = take_fields(fields, bytes, lengths, count);
    if (status != 0) return status;
    nghttp2_data_provider provider = {.source = {.ptr = NULL}, .read_callback = read_source};
    return nghttp2_submit_request(self->session, NULL, fields, count,
                                  has_body ? &provider : NULL, NULL);
}

int cnghttp2_resume(cnghttp2_session *self, int32_t stream) {
    return nghttp2_session_resume_data(self->session, stream);
}

int cnghttp2_reset(cnghttp2_session *self, int32_t stream, uint32_t code) {
    return nghttp2_submit_rst_stream(self->session, NGHTTP2_FLAG_NONE, stream, code);
}

int cnghttp2_consume(cnghttp2_session *self, int32_t stream, size_t length) {
    return nghttp2_session_consume(self->session, stream, length);
}

int cnghttp2_go_away(cnghttp2_session *self, uint32_t code) {
    return nghttp2_submit_goaway(self->session, NGHTTP2_FLAG_NONE,
                                 nghttp2_session_get_last_proc_stream_id(self->session), code,
                                 NULL, 0);
}

int cnghttp2_terminate(cnghttp2_session *self, uint32_t code) {
    return nghttp2_session_terminate_session(self->session, code);
}
