-- okstrafs's events in SQLite: a row for each request, and sums over them. okstrafs-load runs this file before each load.
--
-- Columns are the keys of a line of events/ (docs/schema/events.json), and two of the loader: month is the file, loaded
-- is when it was loaded, in milliseconds. Cost is a whole number of 10^-12 dollars, so that sums are exact.

CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    t TEXT,
    host TEXT,
    source TEXT,
    kind TEXT NOT NULL,
    open INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    model TEXT,
    sessionId TEXT,
    parentSessionId TEXT,
    project TEXT,
    cwd TEXT,
    team TEXT,
    agent TEXT,
    branch TEXT,
    effort TEXT,
    inputTokens INTEGER NOT NULL,
    outputTokens INTEGER NOT NULL,
    cacheCreation5mTokens INTEGER NOT NULL,
    cacheCreation1hTokens INTEGER NOT NULL,
    cacheReadTokens INTEGER NOT NULL,
    cacheWriteTokens INTEGER NOT NULL,
    inputTotalTokens INTEGER NOT NULL,
    webSearches INTEGER NOT NULL,
    costPicoUSD INTEGER NOT NULL,
    costUSD REAL,
    priced INTEGER NOT NULL,
    serviceTier TEXT NOT NULL,
    requestId TEXT,
    messageId TEXT,
    historyLength INTEGER NOT NULL,
    toolUses INTEGER NOT NULL,
    agentId TEXT,
    sidechain INTEGER NOT NULL,
    month TEXT NOT NULL,
    loaded INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS events_of_month ON events (month, host);

-- What the loader has read of each file, so that it reads only what came.
CREATE TABLE IF NOT EXISTS loads (
    host TEXT NOT NULL,
    file TEXT NOT NULL,
    inode TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    loaded INTEGER NOT NULL,
    PRIMARY KEY (host, file)
);

DROP VIEW IF EXISTS by_model;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_day;
CREATE VIEW by_day AS
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

DROP VIEW IF EXISTS by_project;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_agent;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_team;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_source;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_host;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_session;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_branch;
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
FROM events
GROUP BY 1;

DROP VIEW IF EXISTS by_effort;
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
FROM events
GROUP BY 1;
