/*
 * The table of sources: everything else iterates over it or follows a pointer into it.
 */
#include "sources/source.h"

const struct source *const oks_sources[OKS_SOURCES] = {
    [OKS_SOURCE_CLAUDE] = &oks_source_claude,
    [OKS_SOURCE_CODEX] = &oks_source_codex,
    [OKS_SOURCE_GEMINI] = &oks_source_gemini,
    [OKS_SOURCE_QWEN] = &oks_source_qwen,
    [OKS_SOURCE_OPENCLAUDE] = &oks_source_openclaude,
    [OKS_SOURCE_PI] = &oks_source_pi,
    [OKS_SOURCE_OMP] = &oks_source_omp,
    [OKS_SOURCE_OPENCODE] = &oks_source_opencode,
    [OKS_SOURCE_KILO] = &oks_source_kilo,
    [OKS_SOURCE_MIMOCODE] = &oks_source_mimocode,
    [OKS_SOURCE_COPILOT] = &oks_source_copilot,
    [OKS_SOURCE_KIMI] = &oks_source_kimi,
    [OKS_SOURCE_GROK] = &oks_source_grok,
};

const struct source *const oks_source_places[SOURCE_PLACES] = {&oks_source_claude_desktop};

const char *oks_source_name(enum oks_source source)
{
    return (unsigned)source < OKS_SOURCES ? oks_sources[source]->name : "unknown";
}

const struct oks_source_home *oks_source_homes(enum oks_source source)
{
    return oks_sources[source]->homes;
}

int source_scanner_set(struct oks_scanner *scanner, enum oks_source source, const char *memo,
                       const char *peers)
{
    const struct source *s = oks_sources[source];
    enum oks_isa isa = oks_scanner_isa(scanner);
    bool avx2 = isa == OKS_ISA_AVX2 || isa == OKS_ISA_AVX512;

    return oks_scanner_set_reader(scanner, avx2 && s->reader_avx2 ? s->reader_avx2 : s->reader, memo, peers);
}

int source_scanner_set_tools(struct oks_scanner *scanner, enum oks_source source)
{
    return oks_scanner_set_reader(scanner, oks_sources[source]->tools, "", "");
}

int source_scanner_new(struct oks_scanner **out, enum oks_isa isa, enum oks_source source)
{
    struct oks_scanner *scanner;
    int rc = oks_scanner_new(&scanner, isa);

    if (rc < 0)
        return rc;
    rc = source_scanner_set(scanner, source, "", "");
    if (rc < 0)
        oks_scanner_free(scanner);
    else
        *out = scanner;
    return rc;
}
