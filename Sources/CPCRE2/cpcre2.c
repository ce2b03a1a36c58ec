#include "cpcre2.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

struct cpcre2_pattern {
    pcre2_code *code;
};

int cpcre2_compile(const uint8_t *pattern, size_t pattern_count, cpcre2_pattern **result,
                   char *message, size_t message_capacity) {
    *result = NULL;
    if (message_capacity > 0) message[0] = 0;
    cpcre2_pattern *compiled = calloc(1, sizeof *compiled);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    int status = -ENOMEM;
    if (compiled == NULL || context == NULL) goto done;
    // Parentheses nest no deeper than the translator lets them; this is the second lock.
    pcre2_set_parens_nest_limit(context, 200);
    // NEVER_BACKSLASH_C: `\C` could split a character. MATCH_UNSET_BACKREF: ECMA-262 22.2.2.9, a
    // reference to a group that took no part matches the empty string. NO_AUTO_POSSESS is not set:
    // the optimisation only saves steps.
    const uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_DOLLAR_ENDONLY;
    int error = 0;
    PCRE2_SIZE position = 0;
    const uint8_t *text = pattern_count == 0 ? (const uint8_t *)"" : pattern;
    compiled->code = pcre2_compile(text, pattern_count, options, &error, &position, context);
    if (compiled->code != NULL) {
        *result = compiled;
        status = 0;
    } else {
        status = error == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : -EINVAL;
        if (message_capacity > 0) {
            pcre2_get_error_message(error, (PCRE2_UCHAR *)message, message_capacity);
        }
    }
done:
    if (status != 0) free(compiled);
    if (context != NULL) pcre2_compile_context_free(context);
    return status;
}

void cpcre2_free(cpcre2_pattern *pattern) {
    if (pattern == NULL) return;
    pcre2_code_free(pattern->code);
    free(pattern);
}

int cpcre2_matches(const cpcre2_pattern *pattern, const uint8_t *text, size_t text_count,
                   uint32_t step_limit, uint32_t depth_limit, uint32_t heap_kibibytes) {
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    int status = -ENOMEM;
    if (context != NULL && data != NULL) {
        pcre2_set_match_limit(context, step_limit);
        pcre2_set_depth_limit(context, depth_limit);
        pcre2_set_heap_limit(context, heap_kibibytes);
        const uint8_t *bytes = text_count == 0 ? (const uint8_t *)"" : text;
        int count = pcre2_match(pattern->code, bytes, text_count, 0, 0, data, context);
        if (count >= 0) {
            status = 1;
        } else if (count == PCRE2_ERROR_NOMATCH) {
            status = 0;
        } else if (count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT ||
                   count == PCRE2_ERROR_HEAPLIMIT || count == PCRE2_ERROR_RECURSELOOP) {
            status = -ENOSPC;
        } else if (count == PCRE2_ERROR_NOMEMORY) {
            status = -ENOMEM;
        } else if (count <= PCRE2_ERROR_UTF8_ERR1 && count >= PCRE2_ERROR_UTF8_ERR21) {
            status = -EILSEQ;
        } else {
            status = -EIO;
        }
    }
    if (data != NULL) pcre2_match_data_free(data);
    if (context != NULL) pcre2_match_context_free(context);
    return status;
}
