#include "cyaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

static void fill(cgate_yaml_event *out, const yaml_event_t *event) {
    memset(out, 0, sizeof *out);
    out->line = event->start_mark.line + 1;
    out->column = event->start_mark.column + 1;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        out->kind = CGATE_YAML_SCALAR;
        out->value = event->data.scalar.value;
        out->length = event->data.scalar.length;
        out->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        out->has_anchor = event->data.scalar.anchor != NULL;
        out->has_tag = event->data.scalar.tag != NULL;
        break;
    case YAML_SEQUENCE_START_EVENT:
        out->kind = CGATE_YAML_SEQUENCE_START;
        out->has_anchor = event->data.sequence_start.anchor != NULL;
        out->has_tag = event->data.sequence_start.tag != NULL;
        break;
    case YAML_SEQUENCE_END_EVENT: out->kind = CGATE_YAML_SEQUENCE_END; break;
    case YAML_MAPPING_START_EVENT:
        out->kind = CGATE_YAML_MAPPING_START;
        out->has_anchor = event->data.mapping_start.anchor != NULL;
        out->has_tag = event->data.mapping_start.tag != NULL;
        break;
    case YAML_MAPPING_END_EVENT: out->kind = CGATE_YAML_MAPPING_END; break;
    case YAML_ALIAS_EVENT: out->kind = CGATE_YAML_ALIAS; break;
    case YAML_DOCUMENT_START_EVENT: out->kind = CGATE_YAML_DOCUMENT_START; break;
    case YAML_DOCUMENT_END_EVENT: out->kind = CGATE_YAML_DOCUMENT_END; break;
    default: break;
    }
}

int cgate_yaml_read(const unsigned char *text, size_t length,
                    int (*each)(const cgate_yaml_event *event, void *context), void *context,
                    cgate_yaml_error *error) {
    yaml_parser_t parser;
    memset(error, 0, sizeof *error);
    if (!yaml_parser_initialize(&parser)) {
        snprintf(error->problem, sizeof error->problem, "out of memory");
        return -1;
    }
    yaml_parser_set_input_string(&parser, text, length);
    int result = 0;
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            snprintf(error->problem, sizeof error->problem, "%s",
                     parser.problem ? parser.problem : "not YAML");
            error->line = parser.problem_mark.line + 1;
            error->column = parser.problem_mark.column + 1;
            result = -1;
            break;
        }
        yaml_event_type_t type = event.type;
        if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT) {
            cgate_yaml_event out;
            fill(&out, &event);
            result = each(&out, context);
        }
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT || result != 0) break;
    }
    yaml_parser_delete(&parser);
    return result;
}
