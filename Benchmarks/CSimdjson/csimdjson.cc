#include <new>
#include <string>

#include <simdjson.h>

extern "C" {
#ifndef __clang__
#define _Nonnull
#define _Nullable
#endif
#include "csimdjson.h"

struct csimdjson {
    simdjson::dom::parser parser;
};

csimdjson *csimdjson_new(void) { return new (std::nothrow) csimdjson; }

void csimdjson_free(csimdjson *parser) { delete parser; }

static int parse(csimdjson *parser, const uint8_t *text, size_t length, bool copies) {
    simdjson::dom::element root;
    return parser->parser.parse(text, length, copies).get(root) == simdjson::SUCCESS ? 0 : -1;
}

int csimdjson_parse_padded(csimdjson *parser, const uint8_t *text, size_t length) {
    return parse(parser, text, length, false);
}

int csimdjson_parse_copied(csimdjson *parser, const uint8_t *text, size_t length) {
    return parse(parser, text, length, true);
}

size_t csimdjson_padding(void) { return simdjson::SIMDJSON_PADDING; }

const char *csimdjson_implementation(void) {
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}
}
