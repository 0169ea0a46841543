-- okstrafs's events in DuckDB: a row for each request, and sums over them. okstrafs-load runs this file before each load.
--
-- Columns are the keys of a line of events/ (docs/schema/events.json), and two of the loader: month is the file, loaded
-- is when it was loaded, in milliseconds. Cost is a whole number of 10^-12 dollars, so that sums are exact.

CREATE TABLE IF NOT EXISTS events (
    id VARCHAR PRIMARY KEY,
    revision BIGINT NOT NULL,
    t VARCHAR,
    host VARCHAR,
    source VARCHAR,
    kind VARCHAR NOT NULL,
    open BOOLEAN NOT NULL,
    requests BIGINT NOT NULL,
    model VARCHAR,
    sessionId VARCHAR,
    parentSessionId VARCHAR,
    project VARCHAR,
    cwd VARCHAR,
    team VARCHAR,
    agent VARCHAR,
    branch VARCHAR,
    effort VARCHAR,
    inputTokens BIGINT NOT NULL,
    outputTokens BIGINT NOT NULL,
    cacheCreation5mTokens BIGINT NOT NULL,
    cacheCreation1hTokens BIGINT NOT NULL,
    cacheReadTokens BIGINT NOT NULL,
    cacheWriteTokens BIGINT NOT NULL,
    inputTotalTokens BIGINT NOT NULL,
    webSearches BIGINT NOT NULL,
    costPicoUSD BIGINT NOT NULL,
    costUSD DOUBLE,
    priced BOOLEAN NOT NULL,
    serviceTier VARCHAR NOT NULL,
    requestId VARCHAR,
    messageId VARCHAR,
    historyLength BIGINT NOT NULL,
    toolUses BIGINT NOT NULL,
    agentId VARCHAR,
    sidechain BOOLEAN NOT NULL,
    month VARCHAR NOT NULL,
    loaded BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS events_of_month ON events (month, host);

-- What the loader has read of each file, so that it reads only what came.
CREATE TABLE IF NOT EXISTS loads (
    host VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    inode VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL,
    loaded BIGINT NOT NULL,
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
