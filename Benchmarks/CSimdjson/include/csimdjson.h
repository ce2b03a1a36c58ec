#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stddef.h>
#include <stdint.h>

// simdjson's DOM parser, for comparison in benchmarks only; nothing of the product links it.

typedef struct csimdjson csimdjson;

// Makes a parser that keeps its buffers between texts. Freed by csimdjson_free.
csimdjson *_Nullable csimdjson_new(void);
void csimdjson_free(csimdjson *_Nonnull parser);

// Parses `length` bytes that are followed by csimdjson_padding() readable ones, without copying.
// Returns 0, or -1 when the text is not JSON.
int csimdjson_parse_padded(csimdjson *_Nonnull parser, const uint8_t *_Nonnull text, size_t length);

// The same for bytes without padding: simdjson copies them to a buffer of its own first.
int csimdjson_parse_copied(csimdjson *_Nonnull parser, const uint8_t *_Nonnull text, size_t length);

size_t csimdjson_padding(void);

// The name of the instruction set simdjson chose on this machine.
const char *_Nonnull csimdjson_implementation(void);

#endif
