#include "cre2.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct cre2_pattern {
    RE2 expression;
    cre2_pattern(const re2::StringPiece &text, const RE2::Options &options)
        : expression(text, options) {}
};

struct cre2_set {
    RE2::Set set;
    bool literal;
    cre2_set(const RE2::Options &options, bool isLiteral)
        : set(options, RE2::UNANCHORED), literal(isLiteral) {}
};

namespace {

re2::StringPiece piece(const uint8_t *bytes, size_t count) {
    return count == 0 ? re2::StringPiece("", 0)
                      : re2::StringPiece(reinterpret_cast<const char *>(bytes), count);
}

RE2::Options options_from(uint32_t flags, int64_t memory_budget) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(memory_budget);
    options.set_encoding(flags & CRE2_LATIN1 ? RE2::Options::EncodingLatin1
                                             : RE2::Options::EncodingUTF8);
    options.set_case_sensitive(!(flags & CRE2_IGNORE_CASE));
    options.set_literal(flags & CRE2_LITERAL);
    return options;
}

void tell(const std::string &text, char *message, size_t capacity) {
    if (capacity == 0) return;
    size_t count = std::min(text.size(), capacity - 1);
    std::memcpy(message, text.data(), count);
    message[count] = 0;
}

void tell_span(const re2::StringPiece &part, const re2::StringPiece &whole, ptrdiff_t *span) {
    bool isThere = part.data() != nullptr;
    span[0] = isThere ? part.data() - whole.data() : PTRDIFF_MAX;
    span[1] = isThere ? span[0] + (ptrdiff_t)part.size() : PTRDIFF_MAX;
}

}  // namespace

int cre2_compile(const uint8_t *pattern, size_t pattern_count, uint32_t flags,
                 int64_t memory_budget, cre2_pattern **result, char *message,
                 size_t message_capacity) {
    *result = nullptr;
    tell("", message, message_capacity);
    try {
        auto compiled = std::make_unique<cre2_pattern>(piece(pattern, pattern_count),
                                                       options_from(flags, memory_budget));
        if (!compiled->expression.ok()) {
            tell(compiled->expression.error(), message, message_capacity);
            auto code = compiled->expression.error_code();
            return code == RE2::ErrorPatternTooLarge ? -ENOMEM : -EINVAL;
        }
        *result = compiled.release();
        return 0;
    } catch (...) {
        tell("out of memory", message, message_capacity);
        return -ENOMEM;
    }
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }

int cre2_program_size(const cre2_pattern *pattern) { return pattern->expression.ProgramSize(); }

int cre2_matches(const cre2_pattern *pattern, const uint8_t *text, size_t text_count) {
    try {
        re2::StringPiece whole = piece(text, text_count);
        return pattern->expression.Match(whole, 0, whole.size(), RE2::UNANCHORED, nullptr, 0);
    } catch (...) {
        return -ENOMEM;
    }
}

int cre2_find(const cre2_pattern *pattern, const uint8_t *text, size_t text_count, size_t start,
              size_t end, ptrdiff_t spans[4]) {
    if (start > end || end > text_count) return -ERANGE;
    try {
        re2::StringPiece whole = piece(text, text_count);
        constexpr int most = 17;
        re2::StringPiece found[most];
        int groups = std::min(most, pattern->expression.NumberOfCapturingGroups() + 1);
        if (!pattern->expression.Match(whole, start, end, RE2::UNANCHORED, found, groups)) {
            return 0;
        }
        int chosen = 1;
        while (chosen < groups && found[chosen].data() == nullptr) chosen++;
        const re2::StringPiece none;
        tell_span(found[0], whole, spans);
        tell_span(chosen < groups ? found[chosen] : none, whole, spans + 2);
        return 1;
    } catch (...) {
        return -ENOMEM;
    }
}

cre2_set *cre2_set_new(uint32_t flags, int64_t memory_budget) {
    try {
        return new cre2_set(options_from(flags & ~(uint32_t)CRE2_LITERAL, memory_budget),
                            flags & CRE2_LITERAL);
    } catch (...) {
        return nullptr;
    }
}

void cre2_set_free(cre2_set *set) { delete set; }

int cre2_set_add(cre2_set *set, const uint8_t *pattern, size_t pattern_count, char *message,
                 size_t message_capacity) {
    tell("", message, message_capacity);
    try {
        std::string error;
        std::string quoted;
        re2::StringPiece text = piece(pattern, pattern_count);
        if (set->literal) {
            quoted = RE2::QuoteMeta(text);
            text = quoted;
        }
        int index = set->set.Add(text, &error);
        if (index < 0) {
            tell(error, message, message_capacity);
            return -EINVAL;
        }
        return index;
    } catch (...) {
        tell("out of memory", message, message_capacity);
        return -ENOMEM;
    }
}

int cre2_set_compile(cre2_set *set) {
    try {
        return set->set.Compile() ? 0 : -ENOMEM;
    } catch (...) {
        return -ENOMEM;
    }
}

int cre2_set_may_match(const cre2_set *set, const uint8_t *text, size_t text_count) {
    try {
        RE2::Set::ErrorInfo info{RE2::Set::kNoError};
        // Without a place for indices the search ends at the first pattern it finds.
        if (set->set.Match(piece(text, text_count), nullptr, &info)) return 1;
        return info.kind == RE2::Set::kNoError ? 0 : -ENOMEM;
    } catch (...) {
        return -ENOMEM;
    }
}

int cre2_set_match(const cre2_set *set, const uint8_t *text, size_t text_count,
                   const int32_t **indices) {
    static_assert(sizeof(int) == sizeof(int32_t), "indices are given as they are");
    *indices = nullptr;
    try {
        // Most texts hold none, and only who asks which ones makes RE2 allocate: whether any does
        // is asked first, which ends at the first that is found.
        re2::StringPiece whole = piece(text, text_count);
        RE2::Set::ErrorInfo info{RE2::Set::kNoError};
        if (!set->set.Match(whole, nullptr, &info)) {
            return info.kind == RE2::Set::kNoError ? 0 : -ENOMEM;
        }
        // Kept by the thread: an allocation per call shows in the profile of short texts.
        static thread_local std::vector<int> found;
        if (!set->set.Match(whole, &found, &info)) {
            return info.kind == RE2::Set::kNoError ? 0 : -ENOMEM;
        }
        *indices = found.data();
        return (int)found.size();
    } catch (...) {
        return -ENOMEM;
    }
}
