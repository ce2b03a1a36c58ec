#pragma once
#include <stddef.h>

#pragma clang assume_nonnull begin

/// What libyaml saw, in the order of the text.
typedef enum {
    CGATE_YAML_SCALAR = 1,
    CGATE_YAML_SEQUENCE_START,
    CGATE_YAML_SEQUENCE_END,
    CGATE_YAML_MAPPING_START,
    CGATE_YAML_MAPPING_END,
    CGATE_YAML_ALIAS,
    CGATE_YAML_DOCUMENT_START,
    CGATE_YAML_DOCUMENT_END,
} cgate_yaml_kind;

typedef struct {
    cgate_yaml_kind kind;
    /// The scalar's bytes, UTF-8, valid during the callback only.
    const unsigned char *_Nullable value;
    size_t length;
    /// Whether the scalar was written without quotes.
    int is_plain;
    /// Whether the node has an anchor or a tag of its own.
    int has_anchor, has_tag;
    /// Where it starts, both from 1.
    size_t line, column;
} cgate_yaml_event;

typedef struct {
    char problem[160];
    size_t line, column;
} cgate_yaml_error;

/// Reads `text` and gives each event to `each`, which stops the reading by returning non-zero.
/// Returns 0, the callback's value, or -1 with `error` filled in.
int cgate_yaml_read(const unsigned char *_Nullable text, size_t length,
                    int (*each)(const cgate_yaml_event *event, void *context), void *context,
                    cgate_yaml_error *error);

#pragma clang assume_nonnull end
