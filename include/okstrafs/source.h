/*
 * The agents whose transcripts are read, and the instruction sets that the scanner is built for.
 */
#ifndef OKSTRAFS_SOURCE_H
#define OKSTRAFS_SOURCE_H

/* Each has its own folders (struct oks_config) and its own format of transcript. */
enum oks_source { OKS_SOURCE_CLAUDE = 0, OKS_SOURCE_CODEX, OKS_SOURCE_GEMINI, OKS_SOURCES };

/* "claude", "codex", "gemini" */
const char *oks_source_name(enum oks_source source);

enum oks_isa {
    OKS_ISA_AUTO = 0, /* the best that this CPU has */
    OKS_ISA_SCALAR,
    OKS_ISA_SSE2,
    OKS_ISA_AVX2,
    OKS_ISA_AVX512,
};

/* What a scanner made with *isa uses on this CPU: for OKS_ISA_AUTO the best there is. -ENOTSUP. */
int oks_isa_resolve(enum oks_isa *isa);
/* "scalar", "sse2", "avx2", "avx512" */
const char *oks_isa_name(enum oks_isa isa);
/* The reverse ("auto" included); -EINVAL. */
int oks_isa_parse(const char *name, enum oks_isa *out);

#endif
