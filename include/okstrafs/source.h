/*
 * The agents whose transcripts are read, and the instruction sets that the scanner is built for.
 *
 *     for (int i = 0; i < OKS_SOURCES; i++)
 *         puts(oks_source_name((enum oks_source)i));
 *
 * Thread safe. Names are static strings.
 */
#ifndef OKSTRAFS_SOURCE_H
#define OKSTRAFS_SOURCE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Each has folders of its own (struct oks_config) and a transcript format of its own. */
enum oks_source {
    OKS_SOURCE_CLAUDE = 0,
    OKS_SOURCE_CODEX,
    OKS_SOURCE_GEMINI,
    OKS_SOURCE_QWEN,
    OKS_SOURCE_OPENCLAUDE,
    OKS_SOURCE_PI,
    OKS_SOURCE_OMP,
    OKS_SOURCE_OPENCODE,
    OKS_SOURCE_KILO,
    OKS_SOURCE_MIMOCODE,
    OKS_SOURCE_COPILOT,
    OKS_SOURCE_KIMI,
    OKS_SOURCE_GROK,
    OKS_SOURCES,
};

/* "claude", "codex", "gemini", "qwen" ... */
const char *oks_source_name(enum oks_source source);

enum oks_isa {
    OKS_ISA_AUTO = 0, /* the best of this CPU */
    OKS_ISA_SCALAR,
    OKS_ISA_SSE2,
    OKS_ISA_AVX2,
    OKS_ISA_AVX512,
};

/* Replaces OKS_ISA_AUTO by the best instruction set of this CPU. 0, or -ENOTSUP: this CPU lacks *isa. */
int oks_isa_resolve(enum oks_isa *isa);
/* "scalar", "sse2", "avx2", "avx512" */
const char *oks_isa_name(enum oks_isa isa);
/* The reverse, with "auto". 0 or -EINVAL. */
int oks_isa_parse(const char *name, enum oks_isa *out);

#ifdef __cplusplus
}
#endif

#endif
