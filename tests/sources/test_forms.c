/*
 * Lines like earlier ones (scan/json_forms.h): whatever differs in them, and wherever they are damaged, each
 * instruction set says of them what the exact reader says, which knows no forms.
 */
#include "effort.h"
#include "scan_text.h"

enum { LINES = 60, LINE_MAX = 8192 };

/* In a line # is a number or what may be in its place, @ a string, $ a word. */
static const struct {
    enum oks_source source;
    const char *line[5];
} kinds[] = {
    {OKS_SOURCE_CODEX,
     {"{'timestamp':'2026-07-02T10:00:01.500Z','type':'response_item','payload':{'type':'message','role':'$',"
      "'content':[{'type':'output_text','text':@}]}}",
      "{'timestamp':'2026-07-02T10:00:02.500Z','type':'event_msg','payload':{'type':'token_count','info':{"
      "'total_token_usage':{'input_tokens':#,'cached_input_tokens':#,'output_tokens':#},'last_token_usage':{"
      "'input_tokens':#,'output_tokens':#}},'rate_limits':{'primary':{'used_percent':#,'resets_at':#}}}}",
      "{'timestamp':'2026-07-02T10:00:03Z','type':'turn_context','payload':{'turn_id':@,'model':@,'cwd':@}}",
      "{'timestamp':'2026-07-02T10:00:04Z','type':'response_item','payload':{'type':'$','name':'$','"
      "arguments':@}}",
      "{'timestamp':@,'type':'token_usage_record','payload':{'response_id':@,'turn_id':@,'usage':{'input_"
      "tokens':#,"
      "'output_tokens':#}}}"}},
    {OKS_SOURCE_KIMI,
     {"{'timestamp':#,'message':{'type':'StatusUpdate','payload':{'message_id':@,'token_usage':{'input_other'"
      ":#,"
      "'output':#,'input_cache_read':#}}}}",
      "{'type':'usage.record','time':#,'model':@,'usage':{'inputOther':#,'output':#},'usageScope':'$'}",
      "{'type':'context.append_loop_event','time':#,'event':{'type':'$','name':@,'args':[#,[],{},@,{'a':#}]}"
      "}",
      "{ 'type' : 'llm.request' , 'model' : @ , 'modelAlias' : '$', 'time' : # } ",
      "{'timestamp':#,'message':{'type':'ToolCall','payload':{'function':{'name':'$','arguments':@}}}}"}},
    {OKS_SOURCE_GROK,
     {"{'timestamp':#,'method':'session/"
      "update','params':{'sessionId':@,'update':{'sessionUpdate':'turn_completed',"
      "'prompt_id':@,'usage':{'modelUsage':{'model-a':{'inputTokens':#,'outputTokens':#},'$':{'inputTokens':#"
      "}}}}}}",
      "{'timestamp':#,'method':'session/"
      "update','params':{'sessionId':@,'update':{'sessionUpdate':'$','content':{"
      "'type':'text','text':@}}}}",
      "{'timestamp':#,'params':{'update':{'sessionUpdate':'tool_call','toolCallId':@,'_meta':{'x.ai/"
      "tool':{'name':"
      "'$'}}}}}",
      "{'timestamp':#}", "{}"}},
    {OKS_SOURCE_PI,
     {"{'type':'message','id':@,'parentId':null,'timestamp':@,'message':{'role':'assistant','content':[{'"
      "type':'text',"
      "'text':@},{'type':'toolCall','id':@,'name':'$'}],'model':@,'stopReason':'$','usage':{'input':#,'"
      "output':#}}}",
      "{'type':'session','version':#,'id':@,'timestamp':@,'cwd':@}",
      "{'type':'message','id':@,'message':{'role':'toolResult','content':[{'type':'$'},{'type':'$','name':@}]"
      "}}",
      "{'type':'message','id':@,'message':{'role':'$','content':[]}}",
      "{'message':{'usage':{'input':#}},'message':@}"}},
    {OKS_SOURCE_QWEN,
     {"{'uuid':@,'sessionId':@,'timestamp':@,'type':'system','subtype':'ui_telemetry','systemPayload':{'"
      "uiEvent':{"
      "'event.name':'qwen-code.api_response','response_id':@,'model':@,'input_token_count':#,'output_token_"
      "count':#}}}",
      "{'uuid':@,'type':'assistant','model':@,'message':{'role':'model','parts':[{'text':@,'thought':true},{"
      "'functionCall':{'id':@,'name':'$'}}]},'usageMetadata':{'promptTokenCount':#,'candidatesTokenCount':#}"
      "}",
      "{'uuid':@,'type':'user','cwd':@,'message':{'role':'user','parts':[{'text':@}]}}",
      "{'uuid':@,'type':'$','teamName':@}", "[#,@]"}},
    {OKS_SOURCE_COPILOT,
     {"{'type':'session.shutdown','data':{'modelMetrics':{'model-a':{'requests':{'count':#,'cost':1},'usage':"
      "{"
      "'inputTokens':#,'outputTokens':#}},'$':{'requests':#,'usage':{'inputTokens':#}}}},'id':@,'timestamp':@"
      "}",
      "{'type':'assistant.message','data':{'messageId':@,'model':@,'content':@,'toolRequests':[{'toolCallId':"
      "@,'name':"
      "'$','arguments':{'path':@}}],'outputTokens':#},'id':@,'timestamp':@,'parentId':null}",
      "{'type':'session.start','data':{'sessionId':@,'context':{'cwd':@,'branch':'$'}},'id':@,'timestamp':@}",
      "{'type':'$','data':{},'id':@}", "{'type':'session.$','data':{'modelMetrics':#}}"}},
    {OKS_SOURCE_GEMINI,
     {"{'id':@,'timestamp':@,'type':'gemini','content':@,'model':@,'tokens':{'input':#,'output':#,'cached':#}"
      ","
      "'toolCalls':[{'id':@,'name':'$','args':@}]}",
      "{'id':@,'timestamp':@,'type':'user','content':@}", "{'sessionId':@,'projectHash':@,'startTime':@}",
      "{'$set':{'lastUpdated':@}}", "{'id':@,'type':'$','tokens':{'input':#},'tokens':{'output':#}}"}},
};

static const char *const numbers[] = {"0",
                                      "7",
                                      "12345678",
                                      "1785600000123",
                                      "1785600000.25",
                                      "-3",
                                      "true",
                                      "null",
                                      "123456789012345678",
                                      "1e3",
                                      "\"12\"",
                                      "NaN",
                                      "[]",
                                      "{}",
                                      "[1,{\"a\":2}]",
                                      "01",
                                      "1 ",
                                      "\"\""};
/* So long that it cannot be undone twice where one line has room. */
#define LONG8(s) s s s s s s s s
#define LONG     LONG8(LONG8("a\\\"bcdefgh"))

static const char *const strings[] = {
    "\"\"",
    "\"" LONG "\"",
    "\"abc\"",
    "\"with \\\"quotes\\\", and \\\\\"",
    "\"\xc3\xbc\xc3\x9f \\u00fc\"",
    "\"2026-07-02T10:00:01.500Z\"",
    "\"\\\",\\\"\"",
    "null",
    "17",
    "[\"a\",\"b\"]",
    "\"0123456789012345678901234567890123456789012345678901234567890123456789\""};
static const char *const words[] = {"assistant", "user", "tool", "function_call", "step.end", "a",
                                    "",          "text", "1",    "toolCall"};
static const char *const damage[] = {"\"", "\\",   "{",    "}",    "[",  "]", ",",    ":",
                                     " ",  "\x01", "\xff", "\xc3", "\n", "0", "\r\n", "\\u12"};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#define ANY(list, state) list[next_random(state) % (sizeof(list) / sizeof(list[0]))]

/* Mostly the first ones, so that lines resemble each other. */
static const char *value(char mark, uint64_t *state)
{
    bool common = next_random(state) % 4 != 0;

    if (mark == '#')
        return common ? numbers[next_random(state) % 4] : ANY(numbers, state);
    if (mark == '@')
        return common ? strings[next_random(state) % 5] : ANY(strings, state);
    return ANY(words, state);
}

static size_t put_line(char *out, const char *line, uint64_t *state)
{
    size_t len = 0, at, gone;
    const char *piece;

    for (; *line; line++) {
        if (strchr("#@$", *line))
            len += (size_t)sprintf(out + len, "%s", value(*line, state));
        else
            out[len++] = *line == '\'' ? '"' : *line;
    }
    for (uint64_t n = next_random(state) % 3 ? 0 : next_random(state) % 3; n; n--) {
        piece = ANY(damage, state);
        at = next_random(state) % (len + 1);
        gone = next_random(state) % 3;
        gone = at + gone > len ? 0 : gone;
        memmove(out + at + strlen(piece), out + at + gone, len - at - gone);
        memcpy(out + at, piece, strlen(piece));
        len += strlen(piece) - gone;
    }
    out[len++] = '\n';
    return len;
}

static char *said(struct oks_scanner *scanner, enum oks_source source, const char *bytes, size_t len)
{
    struct oks_scan_result result;
    char *text, *all;

    ck_assert_int_eq(source_scanner_set(scanner, source, "", "about s - - m - /c 0\n"), 0);
    text = text_of(scanner, bytes, len, &result);
    ck_assert_int_ge(asprintf(&all, "%slines=%" PRIu64 " bad=%" PRIu64 " odd=%" PRIu64, text, result.lines,
                              result.bad, result.odd),
                     0);
    free(text);
    return all;
}

/* The scanner stays, and so do its forms. */
static void lines_say_the_same(enum oks_isa isa, size_t kind, unsigned rounds)
{
    struct oks_scanner *exact = text_scanner(OKS_ISA_SCALAR), *scanner = text_scanner(isa);
    static char bytes[LINES * LINE_MAX];
    uint64_t state = 88172645463325252 + kind;
    char *want, *got;

    for (unsigned round = 0; scanner && round < rounds; round++) {
        size_t len = 0;

        for (int i = 0; i < LINES; i++)
            len += put_line(bytes + len, kinds[kind].line[next_random(&state) % 5], &state);
        want = said(exact, kinds[kind].source, bytes, len);
        got = said(scanner, kinds[kind].source, bytes, len);
        ck_assert_msg(strcmp(want, got) == 0, "%s, round %u:\n%.*s\nwant\n%s\ngot\n%s", oks_isa_name(isa),
                      round, (int)len, bytes, want, got);
        free(want);
        free(got);
    }
    oks_scanner_free(exact);
    oks_scanner_free(scanner);
}

START_TEST(lines_like_earlier_ones_say_what_they_say)
{
    for (size_t isa = 1; isa < sizeof(text_isas) / sizeof(text_isas[0]); isa++)
        for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
            lines_say_the_same(text_isas[isa], kind, by_effort(2, 15, 10000));
}
END_TEST

/* More words for one value, more ways to go on and more lines than are kept. */
START_TEST(more_forms_than_are_kept)
{
    struct oks_scanner *exact = text_scanner(OKS_ISA_SCALAR);

    EACH_ISA(scanner)
    {
        uint64_t state = 1;

        for (unsigned round = 0; round < by_effort(2, 20, 60); round++) {
            static char bytes[LINES * LINE_MAX];
            size_t len = 0;
            char *want, *got;

            for (int i = 0; i < LINES; i++) {
                uint64_t n = next_random(&state);

                len += (size_t)sprintf(bytes + len,
                                       "{\"type\":\"message\",\"id\":\"%c%c\",\"message\":{\"role\":\"",
                                       'a' + (int)(n % 26), 'a' + (int)(n / 26 % 26));
                len += (size_t)sprintf(bytes + len, "assistant\",\"k%" PRIu64 "\":%d,\"usage\":{\"input\":%d",
                                       n % 3000, i, i);
                for (uint64_t k = n % 97; k > 0; k -= 1 + k / 2)
                    len += (size_t)sprintf(bytes + len, ",\"m%" PRIu64 "\":[%" PRIu64 ",true]", k, k);
                len += (size_t)sprintf(bytes + len, ",\"output\":%" PRIu64 "}}}\n", n % 1000);
            }
            want = said(exact, OKS_SOURCE_PI, bytes, len);
            got = said(scanner, OKS_SOURCE_PI, bytes, len);
            ck_assert_str_eq(want, got);
            free(want);
            free(got);
        }
    }
    oks_scanner_free(exact);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("forms");

    TEST(s, lines_like_earlier_ones_say_what_they_say);
    TEST(s, more_forms_than_are_kept);
    return tap_run(s);
}
