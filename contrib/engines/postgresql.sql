-- okstrafs's events in PostgreSQL: a row for each request, and sums over them. okstrafs-load runs this file before each load.
--
-- Columns are the keys of a line of events/ (docs/schema/events.json), and two of the loader: month is the file, loaded
-- is when it was loaded, in milliseconds. Cost is a whole number of 10^-12 dollars, so that sums are exact.

CREATE SCHEMA IF NOT EXISTS okstrafs;
SET search_path TO okstrafs;

CREATE TABLE IF NOT EXISTS events (
    id text PRIMARY KEY,
    revision bigint NOT NULL,
    t text,
    host text,
    source text,
    kind text NOT NULL,
    open boolean NOT NULL,
    requests bigint NOT NULL,
    model text,
    sessionId text,
    parentSessionId text,
    project text,
    cwd text,
    team text,
    agent text,
    branch text,
    effort text,
    inputTokens bigint NOT NULL,
    outputTokens bigint NOT NULL,
    cacheCreation5mTokens bigint NOT NULL,
    cacheCreation1hTokens bigint NOT NULL,
    cacheReadTokens bigint NOT NULL,
    cacheWriteTokens bigint NOT NULL,
    inputTotalTokens bigint NOT NULL,
    webSearches bigint NOT NULL,
    costPicoUSD bigint NOT NULL,
    costUSD numeric,
    priced boolean NOT NULL,
    serviceTier text NOT NULL,
    requestId text,
    messageId text,
    historyLength bigint NOT NULL,
    toolUses bigint NOT NULL,
    agentId text,
    sidechain boolean NOT NULL,
    month text NOT NULL,
    loaded bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS events_of_month ON events (month, host);

-- What the loader has read of each file, so that it reads only what came.
CREATE TABLE IF NOT EXISTS loads (
    host text NOT NULL,
    file text NOT NULL,
    inode text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    loaded bigint NOT NULL,
    PRIMARY KEY (host, file)
);

CREATE OR REPLACE VIEW by_model AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_day AS
SELECT
    CASE WHEN t LIKE '____-__-__T%' THEN substr(t, 1, 10) ELSE 'unknown' END AS key,
    sum(requests) AS sum_requests,
    sum(inputTokens) AS sum_inputTokens,
    sum(outputTokens) AS sum_outputTokens,
    sum(cacheCreation5mTokens) AS sum_cacheCreation5mTokens,
    sum(cacheCreation1hTokens) AS sum_cacheCreation1hTokens,
    sum(cacheReadTokens) AS sum_cacheReadTokens,
    sum(webSearches) AS sum_webSearches,
    sum(costPicoUSD) AS sum_costPicoUSD,
    sum(costPicoUSD) / 1e12 AS sum_costUSD
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_project AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_agent AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_team AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_source AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_host AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_session AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_branch AS
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
FROM events
GROUP BY 1;

CREATE OR REPLACE VIEW by_effort AS
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
FROM events
GROUP BY 1;

-- Events with their time as one. What has a month has a time that can be read; other spellings of it have none here.
CREATE OR REPLACE VIEW timed AS
SELECT
    *,
    CASE WHEN month <> 'other' AND t ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$' THEN t::timestamptz END AS ts
FROM events;
