-- okstrafs's events in ClickHouse: a row for each request, and sums over them. okstrafs-load runs this file before each load.
--
-- Columns are the keys of a line of events/ (docs/schema/events.json), and two of the loader: month is the file, loaded
-- is when it was loaded, in milliseconds. Cost is a whole number of 10^-12 dollars, so that sums are exact.
--
-- A row replaces those of the same id that were loaded before it; of one load, the highest revision counts. Until
-- ClickHouse has merged them, all are there: FINAL leaves out the old ones, as the views do.

CREATE TABLE IF NOT EXISTS events (
    id String,
    revision UInt64,
    t Nullable(String),
    host Nullable(String),
    source Nullable(String),
    kind String,
    open UInt8,
    requests UInt64,
    model Nullable(String),
    sessionId Nullable(String),
    parentSessionId Nullable(String),
    project Nullable(String),
    cwd Nullable(String),
    team Nullable(String),
    agent Nullable(String),
    branch Nullable(String),
    effort Nullable(String),
    inputTokens UInt64,
    outputTokens UInt64,
    cacheCreation5mTokens UInt64,
    cacheCreation1hTokens UInt64,
    cacheReadTokens UInt64,
    cacheWriteTokens UInt64,
    inputTotalTokens UInt64,
    webSearches UInt64,
    costPicoUSD UInt64,
    costUSD Nullable(Float64),
    priced UInt8,
    serviceTier String,
    requestId Nullable(String),
    messageId Nullable(String),
    historyLength UInt64,
    toolUses UInt64,
    agentId Nullable(String),
    sidechain UInt8,
    month String,
    loaded UInt64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY id;

-- What is being loaded: the lines as they are.
CREATE TABLE IF NOT EXISTS lines (
    id String,
    revision UInt64,
    t Nullable(String),
    host Nullable(String),
    source Nullable(String),
    kind String,
    open UInt8,
    requests UInt64,
    model Nullable(String),
    sessionId Nullable(String),
    parentSessionId Nullable(String),
    project Nullable(String),
    cwd Nullable(String),
    team Nullable(String),
    agent Nullable(String),
    branch Nullable(String),
    effort Nullable(String),
    inputTokens UInt64,
    outputTokens UInt64,
    cacheCreation5mTokens UInt64,
    cacheCreation1hTokens UInt64,
    cacheReadTokens UInt64,
    cacheWriteTokens UInt64,
    inputTotalTokens UInt64,
    webSearches UInt64,
    costPicoUSD UInt64,
    costUSD Nullable(Float64),
    priced UInt8,
    serviceTier String,
    requestId Nullable(String),
    messageId Nullable(String),
    historyLength UInt64,
    toolUses UInt64,
    agentId Nullable(String),
    sidechain UInt8
) ENGINE = Log;

-- What the loader has read of each file, so that it reads only what came.
CREATE TABLE IF NOT EXISTS loads (
    host String,
    file String,
    inode String,
    bytes UInt64,
    sha256 String,
    loaded UInt64
) ENGINE = ReplacingMergeTree(loaded) ORDER BY (host, file);

DROP TABLE IF EXISTS by_model;
CREATE VIEW by_model AS
SELECT
    coalesce(model, 'unknown') AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_day;
CREATE VIEW by_day AS
SELECT
    CASE WHEN t LIKE '____-__-__T%' THEN substring(t, 1, 10) ELSE 'unknown' END AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_project;
CREATE VIEW by_project AS
SELECT
    coalesce(cwd, project, 'unknown') AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_agent;
CREATE VIEW by_agent AS
SELECT
    agent AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_team;
CREATE VIEW by_team AS
SELECT
    team AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_source;
CREATE VIEW by_source AS
SELECT
    source AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_host;
CREATE VIEW by_host AS
SELECT
    host AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_session;
CREATE VIEW by_session AS
SELECT
    sessionId AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_branch;
CREATE VIEW by_branch AS
SELECT
    branch AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;

DROP TABLE IF EXISTS by_effort;
CREATE VIEW by_effort AS
SELECT
    effort AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events FINAL
GROUP BY key;
